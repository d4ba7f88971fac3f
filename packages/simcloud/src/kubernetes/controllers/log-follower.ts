import type { Wakeup } from '../../scheduler.ts';
import type { ClusterContext } from '../cluster-context.ts';
import { at } from '../objects.ts';
import { linesOf, nextLineAt, type ContainerRun, type LogLine } from './container-log.ts';
import { statusOf } from './pod-containers.ts';

export interface FollowerOptions {
  /** Lines up to this time have been read, milliseconds since 1970. */
  since: number;
  onLines: (lines: LogLine[]) => void;
  /** The container has ended, or its pod is gone. */
  onEnd: () => void;
}

/** Tells the lines of a running container as it writes them. One that nobody follows costs nothing. */
export class LogFollower {
  readonly #cluster: ClusterContext;
  readonly #run: ContainerRun;
  readonly #options: FollowerOptions;
  readonly #stopListening: () => void;
  #since: number;
  #wakeup: Wakeup | undefined;

  constructor(cluster: ClusterContext, run: ContainerRun, options: FollowerOptions) {
    this.#cluster = cluster;
    this.#run = run;
    this.#options = options;
    this.#since = options.since;
    const { uid } = run.pod.metadata;
    this.#stopListening = cluster.store.listen(({ resource, type, object }) => {
      if (resource !== 'pods' || object.metadata.uid !== uid) return;
      const started = at(statusOf(object, run.container)?.['state'], 'running', 'startedAt');
      if (type !== 'DELETED' && Date.parse(String(started)) === run.started) return;
      this.#tell();
      this.close();
      options.onEnd();
    });
    this.#wakeLater();
  }

  close(): void {
    this.#stopListening();
    this.#wakeup?.cancel();
  }

  #wakeLater(): void {
    const next = nextLineAt(this.#run, this.#cluster.seconds.logLine);
    this.#wakeup = this.#cluster.scheduler.at(next, () => {
      this.#tell();
      this.#wakeLater();
    });
  }

  #tell(): void {
    const lines = linesOf(this.#run, this.#cluster.seconds.logLine).filter(({ time }) => time > this.#since);
    const last = lines.at(-1);
    if (last === undefined) return;
    this.#since = last.time;
    this.#options.onLines(lines);
  }
}
