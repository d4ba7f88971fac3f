import type { ContainerPort, Exposure } from '@cetus/shared/schemas';
import { MAX_ITEMS } from '@cetus/shared/schemas';
import type { Mapping } from '../mapping.ts';
import type { ComposeContext } from './context.ts';
import { portsOf, type PortFound } from './ports.ts';

/** How a service can be reached. */
export interface Reached {
  ports: ContainerPort[];
  exposure: Exposure | undefined;
}

/** The ports of a service: those that are published, and those that are for other services. */
export function reachedAt(service: Mapping, name: string, { options, namedPorts }: ComposeContext): Reached {
  const declared = portsOf(service);
  const inferred = [...(namedPorts.get(name) ?? [])]
    .filter(([port]) => !declared.some((one) => one.port === port && one.protocol === 'TCP'))
    .map(([port, by]): PortFound => {
      service.at.changed(
        `It is reached at port ${String(port)} within the cluster, as services/${by} names it there.`,
      );
      return { port, protocol: 'TCP', published: false };
    });
  const all = [...declared, ...inferred].slice(0, MAX_ITEMS);
  if (declared.length + inferred.length > MAX_ITEMS)
    service.at.in('ports').lost(`There are at most ${String(MAX_ITEMS)} ports.`);
  const ports = all.map(({ port, protocol }) => ({ port, ...(protocol === 'TCP' ? {} : { protocol }) }));
  if (all.length === 0) {
    service.at.note(
      'It declares no port, so others cannot reach it by its name; name its ports under expose if they shall.',
    );
    return { ports, exposure: undefined };
  }
  return { ports, exposure: exposureOf(service, all, options.exposure ?? 'node_port') };
}

function exposureOf(
  service: Mapping,
  all: readonly PortFound[],
  outside: NonNullable<ComposeContext['options']['exposure']>,
): Exposure {
  const isPublished = all.some(({ published }) => published);
  const type = isPublished ? outside : 'cluster_ip';
  const open = type === 'cluster_ip' ? all : all.filter(({ published }) => published);
  for (const { port } of all)
    if (!open.some((one) => one.port === port))
      service.at
        .in('expose')
        .lost(
          `Port ${String(port)} is for other services alone, and an application is reached in one way: it would be open to everybody beside those that are published.`,
        );
  if (isPublished && type === 'node_port')
    service.at
      .in('ports')
      .changed('What is published is reached at a free port of every node, from 30000 to 32767.');
  if (isPublished && type === 'load_balancer')
    service.at
      .in('ports')
      .changed(
        'What is published is reached at the address of a load balancer, at the port of the container.',
      );
  if (isPublished && type === 'cluster_ip')
    service.at.in('ports').changed('What is published is reached within the cluster alone.');
  return {
    type,
    ports: open.map(({ port, protocol }) => ({
      ...(open.length === 1 ? {} : { name: `${protocol.toLowerCase()}-${String(port)}` }),
      port,
      ...(protocol === 'TCP' ? {} : { protocol }),
    })),
  };
}
