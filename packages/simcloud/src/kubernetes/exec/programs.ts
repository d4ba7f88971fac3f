import { once } from 'node:events';
import type { ChannelSocket } from '../api/channel-socket.ts';
import { at, listOf, type Fields } from '../objects.ts';
import { LineReader } from './line-reader.ts';
import { runScript } from './script.ts';
import type { Place, Program, Session } from './session.ts';

/** The programs that every container has. */
const PROGRAMS: Readonly<Record<string, Program>> = {
  true: async () => 0,
  false: async () => 1,
  async echo({ out }, args) {
    await out(`${args.join(' ')}\n`);
    return 0;
  },
  async hostname({ out, pod }) {
    await out(`${pod.metadata.name}\n`);
    return 0;
  },
  async env({ out, variables }) {
    await out([...variables].map(([name, value]) => `${name}=${value}\n`).join(''));
    return 0;
  },
  async cat({ io, stdin, out, err, pod }, [file]) {
    if (file === '/etc/hostname') {
      await out(`${pod.metadata.name}\n`);
    } else if (file !== undefined) {
      await err(`cat: can't open '${file}': No such file or directory\n`);
      return 1;
    } else if (io.channels.stdin) {
      for (let bytes = await stdin.bytes(); bytes !== undefined; bytes = await stdin.bytes())
        await out(bytes);
    }
    return 0;
  },
  async stty({ io, out }, [what]) {
    if (what === 'size') await out(`${String(io.size.height)} ${String(io.size.width)}\n`);
    return what === 'size' ? 0 : 1;
  },
  async sleep({ cluster, io }, [seconds]) {
    const over = new AbortController();
    const wakeup = cluster.scheduler.at(Date.now() + Number(seconds) * 1000, () => over.abort());
    io.gone.addEventListener('abort', () => over.abort(), { once: true });
    if (!io.gone.aborted) await once(over.signal, 'abort');
    wakeup.cancel();
    return 0;
  },
  async sh(session, args) {
    if (args[0] === '-c') return (await runScript(session, args[1] ?? '')).code;
    return interactive(session);
  },
};

/** A shell that is typed into. */
async function interactive(session: Session): Promise<number> {
  const { io, stdin, out } = session;
  const prompt = io.channels.tty ? '# ' : '';
  let code = 0;
  for (;;) {
    if (prompt !== '') await out(prompt);
    const line = io.channels.stdin ? await stdin.line() : undefined;
    if (line === undefined) return code;
    const ended = await runScript(session, line, code);
    ({ code } = ended);
    if (ended.isExit) return code;
  }
}

/** Runs a program in a container and tells how it ended. */
export async function runProgram(place: Place, command: readonly string[], io: ChannelSocket): Promise<void> {
  const [name, ...args] = command;
  const doing = 'error executing command in container: failed to exec in container';
  const program = name !== undefined && Object.hasOwn(PROGRAMS, name) ? PROGRAMS[name] : undefined;
  if (program === undefined) {
    const why =
      name === undefined ? 'args must not be empty' : `exec: "${name}": executable file not found in $PATH`;
    io.fail(`${doing}: OCI runtime exec failed: exec failed: ${why}: unknown`);
    return;
  }
  const session: Session = {
    ...place,
    io,
    stdin: new LineReader(io.stdin),
    out: (text) => io.write(text),
    err: (text) => io.write(text, true),
    variables: environment(place),
    programs: PROGRAMS,
  };
  const code = await program(session, args);
  if (!io.gone.aborted) io.exit(code);
}

function environment({ pod, container }: Place): Map<string, string> {
  const spec = listOf<Fields>(at(pod.spec, 'containers')).find((one) => one['name'] === container);
  const given = listOf<Fields>(spec?.['env']).flatMap((one): [string, string][] =>
    typeof one['value'] === 'string' ? [[String(one['name']), one['value']]] : [],
  );
  return new Map([['PATH', '/bin'], ['HOSTNAME', pod.metadata.name], ...given, ['HOME', '/']]);
}
