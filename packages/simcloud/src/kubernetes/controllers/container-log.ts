import { at, keyOfObject, listOf, type Fields, type KubeObject } from '../objects.ts';

/** One line of a log and when it was written, in milliseconds since 1970. */
export interface LogLine {
  time: number;
  text: string;
}

/** One run of a container. */
export interface ContainerRun {
  pod: KubeObject;
  container: string;
  /** Milliseconds since 1970. */
  started: number;
  /** Undefined while it runs. */
  ended: number | undefined;
}

/** Lines that are kept of a run, besides the first ones: older ones are rotated away. */
const MOST_LINES = 1000;

/**
 * What a container has written until now: some lines at its start, and one every so often since. Nothing is kept: the lines follow
 * from the times.
 * @param everySeconds between two lines
 */
export function linesOf(run: ContainerRun, everySeconds: number): LogLine[] {
  const { pod, container, started, ended } = run;
  const image = listOf<Fields>(at(pod.spec, 'containers')).find((one) => one['name'] === container)?.[
    'image'
  ];
  const first = [`starting ${container} of ${keyOfObject(pod)}`, `image ${String(image)}`, 'ready'];
  const count = countOf(run, everySeconds, ended ?? Date.now());
  const from = Math.max(1, count - MOST_LINES + 1);
  return [
    ...first.map((text) => ({ time: started, text })),
    ...Array.from({ length: count - from + 1 }, (_, index) => line(run, everySeconds, from + index)),
  ];
}

/** When a container writes its next line, in milliseconds since 1970. */
export function nextLineAt(run: ContainerRun, everySeconds: number): number {
  return run.started + (countOf(run, everySeconds, Date.now()) + 1) * everySeconds * 1000;
}

function countOf({ started }: ContainerRun, everySeconds: number, until: number): number {
  return Math.max(0, Math.floor((until - started) / (everySeconds * 1000)));
}

function line({ started }: ContainerRun, everySeconds: number, index: number): LogLine {
  return { time: started + index * everySeconds * 1000, text: `alive, line ${String(index)}` };
}

/** A line as it is sent. */
export function textOfLine({ time, text }: LogLine, withTime: boolean): string {
  return withTime ? `${new Date(time).toISOString().replace('Z', '000000Z')} ${text}\n` : `${text}\n`;
}
