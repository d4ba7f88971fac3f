import type { ChannelSocket } from '../api/channel-socket.ts';
import { linesOf, textOfLine } from '../controllers/container-log.ts';
import { LogFollower } from '../controllers/log-follower.ts';
import { runOf } from '../controllers/pod-containers.ts';
import { at, listOf, type Fields } from '../objects.ts';
import type { Place } from './session.ts';

/**
 * Joins the program that a container runs: what it writes is sent from now on, and one that is `cat`, with a standard input, gives back
 * what it is given.
 */
export async function attachTo(place: Place, io: ChannelSocket): Promise<void> {
  const { cluster, pod, container } = place;
  const spec = listOf<Fields>(at(pod.spec, 'containers')).find((one) => one['name'] === container);
  const isCat = listOf(spec?.['command'])[0] === 'cat' && spec?.['stdin'] === true;
  const run = runOf(pod, container, false);
  const ended = new Promise<boolean>((resolve) => {
    const follower = new LogFollower(cluster, run, {
      since: linesOf(run, cluster.seconds.logLine).at(-1)?.time ?? run.started,
      onLines: (lines) => {
        if (!isCat) void io.write(lines.map((line) => textOfLine(line, false)).join(''));
      },
      onEnd: () => resolve(true),
    });
    io.gone.addEventListener('abort', () => {
      follower.close();
      resolve(false);
    });
  });
  io.stdin.on('data', (bytes: Buffer) => {
    if (isCat) void io.write(bytes);
  });
  if (await ended) io.exit(0);
}
