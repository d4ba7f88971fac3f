import type { Resources } from '@cetus/shared/schemas';
import type { Mapping } from '../mapping.ts';
import { given, nonEmpty } from '../values.ts';
import { byteQuantity, cpuQuantity } from './amounts.ts';

/** What a service is promised and gets at most: as `deploy` says, or as it is said without it. */
export function resourcesOf(service: Mapping, deploy: Mapping | undefined): Resources | undefined {
  const resources = deploy?.mapping('resources');
  const amounts = (part: Mapping | undefined, cpus: string | undefined, memory: string) => {
    const cpu =
      part?.has('cpus') === true ? part.text('cpus') : cpus === undefined ? undefined : service.text(cpus);
    const bytes = part?.has('memory') === true ? part.text('memory') : service.text(memory);
    const at = part?.at ?? service.at;
    part?.tell({
      pids: ['lost', 'The number of processes has no bound.'],
      devices: ['lost', 'Devices are not carried over.'],
      generic_resources: ['lost', 'It is not carried over.'],
    });
    part?.rest();
    return nonEmpty(
      given<NonNullable<Resources['limits']>>({
        cpu: cpuQuantity(cpu, at.in('cpus')),
        memory: byteQuantity(bytes, at.in(part === undefined ? memory : 'memory')),
      }),
    );
  };
  const limits = amounts(resources?.mapping('limits'), 'cpus', 'mem_limit');
  const requests = amounts(resources?.mapping('reservations'), undefined, 'mem_reservation');
  resources?.rest();
  if (limits !== undefined && requests === undefined)
    service.at.note('What it gets at most is also set aside for it, as nothing says how much is needed.');
  return nonEmpty(given<Resources>({ requests, limits }));
}
