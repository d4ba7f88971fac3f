import { CetusError } from '@cetus/shared/errors';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** The minor number of `container-infra 1.<minor>`; the major one is always 1. */
export type Microversion = number;

export const MIN_MICROVERSION: Microversion = 1;
export const MAX_MICROVERSION: Microversion = 14;

/** From these versions on. Source: Magnum's controllers; what its version history names besides, it answers in every version. */
export const VERSION = {
  rollback: 3,
  resize: 7,
  upgrade: 8,
  nodeGroups: 9,
  zeroNodes: 10,
  clusterIdForStackId: 13,
  nodeLabels: 14,
} as const;

const SERVICE = 'container-infra';
const FORM = /^container-infra\s+(?:(latest)|(\d{1,4})\.(\d{1,4}))$/i;

/**
 * The version that a request asks for; Magnum's oldest when it asks for none.
 * @throws CetusError `not_acceptable` for what is not a version of this service, or one that is not served
 */
function parseMicroversion(header: string | undefined): Microversion {
  if (header === undefined) return MIN_MICROVERSION;
  const match = FORM.exec(header.trim());
  if (match === null) {
    throw new CetusError(
      'not_acceptable',
      `The version must be written as "${SERVICE} 1.x" or "${SERVICE} latest"`,
      {
        field: 'OpenStack-API-Version',
      },
    );
  }
  if (match[1] !== undefined) return MAX_MICROVERSION;
  const major = Number(match[2]);
  const minor = Number(match[3]);
  if (major !== 1 || minor < MIN_MICROVERSION || minor > MAX_MICROVERSION) {
    throw new CetusError(
      'not_acceptable',
      `Version ${major}.${minor} is not served; versions 1.${MIN_MICROVERSION} to 1.${MAX_MICROVERSION} are`,
      { field: 'OpenStack-API-Version' },
    );
  }
  return minor;
}

const MIN_HEADER = `${SERVICE} 1.${MIN_MICROVERSION}`;
const MAX_HEADER = `${SERVICE} 1.${MAX_MICROVERSION}`;
const ANSWERED = Array.from({ length: MAX_MICROVERSION + 1 }, (_, minor) => `${SERVICE} 1.${minor}`);

/** A hook for `onRequest`: sets the version of the request, and the headers that Magnum answers with. */
export function negotiateMicroversion(
  request: FastifyRequest,
  reply: FastifyReply,
  done: (error?: Error) => void,
): void {
  reply.header('openstack-api-minimum-version', MIN_HEADER);
  reply.header('openstack-api-maximum-version', MAX_HEADER);
  const vary = reply.getHeader('vary');
  reply.header('vary', typeof vary === 'string' ? `${vary}, OpenStack-API-Version` : 'OpenStack-API-Version');
  try {
    const header = request.headers['openstack-api-version'];
    request.microversion = parseMicroversion(Array.isArray(header) ? header.join(',') : header);
  } catch (error) {
    done(error as Error);
    return;
  }
  reply.header('openstack-api-version', ANSWERED[request.microversion]);
  done();
}

/**
 * Refuses what a version does not have, as Magnum does.
 * @throws CetusError `not_acceptable`
 */
export function requireMicroversion(request: FastifyRequest, since: Microversion, what: string): void {
  if (request.microversion < since) {
    throw new CetusError('not_acceptable', `${what} is there from version 1.${since} on`, {
      field: 'OpenStack-API-Version',
    });
  }
}
