import type { Probe } from '@cetus/shared/schemas';
import { textOf, type Mapping } from '../mapping.ts';
import { given, literally } from '../values.ts';
import { durationSeconds } from './amounts.ts';

/** What Docker takes when nothing is said, in seconds. Source: https://docs.docker.com/reference/dockerfile/#healthcheck */
const DEFAULT_SECONDS = 30;
const DEFAULT_RETRIES = 3;

/** The probe that a healthcheck becomes; undefined: there is none. */
export function probeOf(service: Mapping): Probe | undefined {
  const check = service.mapping('healthcheck');
  if (check === undefined) return undefined;
  const command = commandOf(check);
  const { at } = check;
  const seconds = (key: string, minimum: number) => durationSeconds(check.text(key), minimum, at.in(key));
  const probe = given<Probe>({
    exec: { command: command ?? [] },
    initial_delay_seconds: seconds('start_period', 0) || undefined,
    period_seconds: seconds('interval', 1) ?? DEFAULT_SECONDS,
    timeout_seconds: seconds('timeout', 1) ?? DEFAULT_SECONDS,
    failure_threshold: check.integer('retries', 1, 1000) ?? DEFAULT_RETRIES,
  });
  check.tell({ start_interval: ['lost', 'While it starts it is looked at as often as afterwards.'] });
  check.rest();
  if (command === undefined) return undefined;
  at.changed('It is a readiness and a liveness probe: a container that fails it is started again.');
  return probe;
}

function commandOf(check: Mapping): string[] | undefined {
  const isOff = check.flag('disable') === true;
  const test = check.any('test');
  const at = check.at.in('test');
  if (isOff) return undefined;
  if (test === undefined) {
    at.lost('Without a test there is no probe: the one of the image is not known.');
    return undefined;
  }
  const text = textOf(test);
  if (text !== undefined) return ['/bin/sh', '-c', literally(text)];
  const [how, ...words] = check.texts('test');
  if (how === 'NONE') return undefined;
  if (how === 'CMD-SHELL' && words.length === 1) return ['/bin/sh', '-c', ...words.map(literally)];
  if (how === 'CMD' && words.length > 0) return words.map(literally);
  at.lost('It must begin with CMD, CMD-SHELL or NONE.');
  return undefined;
}
