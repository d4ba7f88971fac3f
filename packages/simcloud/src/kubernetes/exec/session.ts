import type { ChannelSocket } from '../api/channel-socket.ts';
import type { ClusterContext } from '../cluster-context.ts';
import type { KubeObject } from '../objects.ts';
import type { LineReader } from './line-reader.ts';

/** Where a program runs. */
export interface Place {
  cluster: ClusterContext;
  pod: KubeObject;
  container: string;
}

/** What a program has at hand. */
export interface Session extends Place {
  io: Pick<ChannelSocket, 'channels' | 'gone' | 'size'>;
  stdin: LineReader;
  /** Writes to the standard output, and to the standard error. Resolve when there is room for more. */
  out: (text: string | Buffer) => Promise<void>;
  err: (text: string | Buffer) => Promise<void>;
  /** Of the environment, and what scripts set. */
  variables: Map<string, string>;
  /** What the container has, by name. */
  programs: Readonly<Record<string, Program>>;
}

/** A program that ends with a code. */
export type Program = (session: Session, args: readonly string[]) => Promise<number>;
