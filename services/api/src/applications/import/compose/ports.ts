import type { ContainerPort } from '@cetus/shared/schemas';
import { isFields, Mapping, textOf, type Item } from '../mapping.ts';
import type { Place } from '../report.ts';

/** A port of a service, and whether it is to be reached from outside. */
export interface PortFound {
  port: number;
  protocol: NonNullable<ContainerPort['protocol']>;
  published: boolean;
}

/** Ports of one range at most: as many as an application has. */
const MAX_RANGE = 64;
const PROTOCOLS = { tcp: 'TCP', udp: 'UDP', sctp: 'SCTP' } as const;

const LOCAL = /^(127\.[\d.]+|::1|\[::1\]|localhost)$/;

/**
 * The ports that a service has, each once.
 * Source: https://github.com/compose-spec/compose-spec/blob/main/05-services.md#ports
 */
export function portsOf(service: Mapping): PortFound[] {
  const found = new Map<string, PortFound>();
  const all = [
    ...service.list('ports').flatMap(published),
    ...service.list('expose').flatMap(({ value, at }) => {
      const match = /^(?<range>[\d-]+)(?:\/(?<protocol>\w+))?$/.exec(textOf(value) ?? '');
      return portsFrom(match?.groups?.['range'], match?.groups?.['protocol'], false, at);
    }),
  ];
  for (const one of all) {
    const key = `${String(one.port)}/${one.protocol}`;
    const before = found.get(key);
    if (before === undefined) found.set(key, one);
    else before.published ||= one.published;
  }
  return [...found.values()];
}

function published({ value, at }: Item): PortFound[] {
  if (isFields(value)) return longForm(new Mapping(value, at));
  const text = textOf(value);
  // The address of the host may be one of IPv6, with colons of its own.
  const match =
    /^(?:(?:(?<address>\[[0-9a-fA-F:.]*\]|[\d.]+|localhost):)?(?<host>[\d-]*):)?(?<range>[\d-]+)(?:\/(?<protocol>\w+))?$/.exec(
      text ?? '',
    );
  if (match?.groups === undefined) {
    at.lost('It is not a port such as 8080:80.');
    return [];
  }
  const { address, host, range, protocol } = match.groups;
  return reached(portsFrom(range, protocol, true, at), { address, host, range }, at);
}

function longForm(port: Mapping): PortFound[] {
  const { at } = port;
  const range = port.text('target');
  const found = portsFrom(range, port.text('protocol'), true, at);
  const [address, host] = [port.text('host_ip'), port.text('published')];
  port.silent('mode', 'name');
  port.tell({ app_protocol: ['lost', 'Nothing is said of what is spoken at a port.'] });
  port.rest();
  return reached(found, { address, host, range }, at);
}

interface Published {
  address: string | undefined;
  host: string | undefined;
  range: string | undefined;
}

function reached(found: PortFound[], { address, host, range }: Published, at: Place): PortFound[] {
  if (found.length === 0) return [];
  if (address !== undefined && LOCAL.test(address)) {
    at.changed('It was for the host alone; it is reached within the cluster alone now.');
    return found.map((port) => ({ ...port, published: false }));
  }
  if (address !== undefined && address !== '0.0.0.0' && address !== '[::]' && address !== '::')
    at.changed('It was at one address of the host alone; it is at all that the exposure has now.');
  if (host !== undefined && host !== '' && host !== range)
    at.changed(
      'The number of the port of the host is not kept; within the cluster it is that of the container.',
    );
  return found;
}

function portsFrom(range: string | undefined, protocol = 'tcp', published: boolean, at: Place): PortFound[] {
  const name = protocol.toLowerCase();
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(range ?? '');
  const [first, last] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
  if (match === null || first < 1 || last > 65_535 || first > last || !Object.hasOwn(PROTOCOLS, name)) {
    at.lost('It is not a port from 1 to 65535 of tcp, udp or sctp.');
    return [];
  }
  if (last - first >= MAX_RANGE) {
    at.lost(`There are at most ${String(MAX_RANGE)} ports.`);
    return [];
  }
  return Array.from({ length: last - first + 1 }, (_, index) => ({
    port: first + index,
    protocol: PROTOCOLS[name as keyof typeof PROTOCOLS],
    published,
  }));
}
