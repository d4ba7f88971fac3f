import type { FastifyReply, FastifyRequest } from 'fastify';
import { notAcceptable } from './errors.ts';

const HEADER = 'OpenStack-API-Version';
const SERVICE = 'container-infra';
const MINIMUM = 1;

/** The minor number of the version a request is for; Magnum takes 1.1 when it names none. */
export function negotiate(request: FastifyRequest, reply: FastifyReply, maximum: number): number {
  const given = request.headers[HEADER.toLowerCase()];
  const header = (Array.isArray(given) ? given[0] : given) ?? `${SERVICE} 1.${String(MINIMUM)}`;
  const [, service, wanted] = /^\s*(\S+)\s+(\S+)\s*$/.exec(header) ?? [];
  if (service === undefined || wanted === undefined) throw notAcceptable();
  const isLatest = wanted.toLowerCase() === 'latest';
  if (!isLatest && service !== SERVICE) throw notAcceptable();
  const [, major, minor] = /^(\d+)\.(\d+)$/.exec(isLatest ? `1.${String(maximum)}` : wanted) ?? [];
  if (major === undefined || minor === undefined) throw notAcceptable();
  void reply
    .header('OpenStack-API-Minimum-Version', `${SERVICE} 1.${String(MINIMUM)}`)
    .header('OpenStack-API-Maximum-Version', `${SERVICE} 1.${String(maximum)}`)
    .header(HEADER, `${SERVICE} ${major}.${minor}`)
    .header('vary', HEADER);
  const isKnown = major === '1' && Number(minor) >= MINIMUM && Number(minor) <= maximum;
  if (!isKnown) throw new UnsupportedVersion(maximum);
  return Number(minor);
}

/** A version out of range. */
export class UnsupportedVersion extends Error {
  readonly body: unknown;

  constructor(maximum: number) {
    super('Requested microversion is unsupported');
    this.name = 'UnsupportedVersion';
    this.body = {
      errors: [
        {
          max_version: `1.${String(maximum)}`,
          min_version: `1.${String(MINIMUM)}`,
          code: 'magnum.microversion-unsupported',
          links: [{ rel: 'help', href: 'http://docs.openstack.org/api-guide/compute/microversions.html' }],
          title: this.message,
        },
      ],
    };
  }
}
