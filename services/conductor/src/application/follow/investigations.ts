import type { KubernetesConnection } from '@cetus/kubernetes/connection';
import { Semaphore } from '@cetus/shared/bus';
import { investigate } from '../observe/investigate.ts';
import type { Finding, Suspect } from '../observe/suspects.ts';

/** Questions that one cluster is asked at once. */
const CONCURRENCY = 4;
/** How soon what may change is asked for again, in milliseconds: twice as late each time. */
const AGAIN_MS = 5_000;
const AGAIN_AT_MOST_MS = 300_000;

/** What is found only in events, which a cluster keeps for an hour. */
const FROM_EVENTS: ReadonlySet<Suspect['about']> = new Set(['unready', 'creation']);

/** What was found about an application. */
interface Found {
  key: string;
  finding: Finding;
  /** When it may be asked for again; null: what was found stays. */
  againAt: number | null;
  times: number;
}

/** What a cluster was asked about applications that are not well: once for each trouble, and again, ever more seldom, where it may change. */
export class Investigations {
  private readonly connection: KubernetesConnection;
  private readonly signal: AbortSignal;
  private readonly gate = new Semaphore(CONCURRENCY);
  private asking = 0;
  /** By application: of each only the trouble that it has now. */
  private readonly found = new Map<string, Found>();

  constructor(connection: KubernetesConnection, signal: AbortSignal) {
    this.connection = connection;
    this.signal = signal;
  }

  /**
   * What was found about an application, by the key of what was asked. Until it is known what a container has written this time, it is what
   * it wrote the last time.
   */
  findingOf(application: string): (key: string) => Finding | undefined {
    const known = this.found.get(application);
    return (key) => {
      if (known === undefined || known.key === key) return known?.finding;
      const { log } = known.finding;
      return log !== undefined && isOfSame(known.key, key) ? { log } : undefined;
    };
  }

  /** Whether the cluster would be asked at once. */
  get hasRoom(): boolean {
    return this.asking < CONCURRENCY;
  }

  /** When there is something to ask, in milliseconds; null: there is nothing. */
  dueAt(application: string, { key }: Suspect): number | null {
    const known = this.found.get(application);
    return known?.key === key ? known.againAt : 0;
  }

  /**
   * Asks the cluster.
   * @throws KubernetesUnreachableError, the signal's reason
   */
  async ask(application: string, suspect: Suspect): Promise<void> {
    this.asking += 1;
    try {
      const finding = await this.gate.run(() => investigate(this.connection, suspect, this.signal));
      this.note(application, suspect, finding, suspect.changing);
    } catch (error) {
      // Nobody waits for what cannot be found: it is told without, and asked for again.
      this.note(application, suspect, {}, true);
      throw error;
    } finally {
      this.asking -= 1;
    }
  }

  private note(application: string, suspect: Suspect, finding: Finding, again: boolean): void {
    const before = this.found.get(application);
    const isSame = before?.key === suspect.key;
    const times = isSame ? before.times + 1 : 1;
    const wait = Math.min(AGAIN_MS * 2 ** (times - 1), AGAIN_AT_MOST_MS);
    // What was found once is not forgotten because the cluster has forgotten its events.
    const kept = isSame && FROM_EVENTS.has(suspect.about) ? { ...before.finding, ...finding } : finding;
    this.found.set(application, {
      key: suspect.key,
      finding: kept,
      againAt: again ? Date.now() + wait : null,
      times,
    });
  }

  /** Nothing is wrong with an application any more, or it is not followed. */
  forget(application: string): void {
    this.found.delete(application);
  }
}

/** Whether two keys differ only in how often it has happened. */
function isOfSame(one: string, other: string): boolean {
  return one.slice(0, one.lastIndexOf('/')) === other.slice(0, other.lastIndexOf('/'));
}
