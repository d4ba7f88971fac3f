import { spawn } from 'node:child_process';

export interface GuardOptions {
  /** The process leads a group, and the whole group is ended. */
  group?: boolean;
  /** A folder to remove after that. */
  remove?: string;
}

/**
 * Ends a process by its number when this one dies, also by kill -9: a tiny shell waits for the end of a pipe that only this
 * process holds.
 *
 * @returns a function that calls it off, to call as soon as the process has ended.
 */
export function endWithTests(pid: number, { group = false, remove }: GuardOptions = {}): () => void {
  const target = group ? `-- -${pid}` : String(pid);
  const script = `trap '' INT TERM HUP; read -r word; [ "$word" = off ] && exit 0; kill -s KILL ${target} 2>/dev/null; [ -n "$1" ] && rm -rf -- "$1"`;
  const guard = spawn('/bin/sh', ['-c', script, 'guard', remove ?? ''], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  guard.on('error', (error) => process.emitWarning(`nothing guards process ${pid}: ${error.message}`));
  // It may have ended already, with this process's other children.
  guard.stdin.on('error', () => undefined);
  guard.unref();
  (guard.stdin as unknown as { unref?: () => void }).unref?.();
  return () => {
    guard.stdin.end('off\n');
  };
}
