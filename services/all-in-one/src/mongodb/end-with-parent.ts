import { spawn } from 'node:child_process';

/**
 * Ends a process when this one dies, also by kill -9, for programs that do not notice by themselves: a tiny shell waits for
 * the end of a pipe that only this process holds.
 *
 * @param signals the signals to send, ten seconds apart.
 * @returns a function that calls it off, to call when the process has ended, before its number can be used again.
 */
export function endWithParent(pid: number, signals: readonly NodeJS.Signals[]): () => void {
  const kills = signals.map((signal) => `kill -s ${signal.replace('SIG', '')} ${pid} 2>/dev/null || exit 0`);
  const script = `trap '' INT TERM HUP; read -r word; [ "$word" = off ] && exit 0; ${kills.join('; sleep 10; ')}`;
  // A session of its own, so that what ends this process's group does not end the guard first.
  const guard = spawn('/bin/sh', ['-c', script], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  guard.on('error', () => undefined);
  guard.stdin.on('error', () => undefined);
  guard.unref();
  (guard.stdin as unknown as { unref?: () => void }).unref?.();
  return () => {
    guard.stdin.end('off\n');
  };
}
