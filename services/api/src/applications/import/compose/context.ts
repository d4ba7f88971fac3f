import type { ConvertOptions } from '../converted.ts';
import type { Interpolation } from './interpolate.ts';
import type { NamedPorts } from './references.ts';
import type { Shared } from './shared.ts';

/** What all services of a file have in common. */
export interface ComposeContext {
  options: ConvertOptions;
  interpolation: Interpolation;
  shared: Shared;
  namedPorts: NamedPorts;
  /** How many services use each volume. */
  volumeUsers: ReadonlyMap<string, number>;
}
