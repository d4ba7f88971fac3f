import type { Session } from './session.ts';

/** How a script ended. */
export interface ScriptEnd {
  code: number;
  /** By `exit`. */
  isExit: boolean;
}

/**
 * Runs a script of simple commands with `;` or line ends between them: programs, `exit`, `read`, assignments, quotes, `$NAME` and
 * `>&2`. Nothing more is understood.
 * @param code of what ran before
 */
export async function runScript(session: Session, script: string, code = 0): Promise<ScriptEnd> {
  for (const command of commandsOf(script)) {
    if (session.io.gone.aborted) return { code: 137, isExit: true };
    const words = wordsOf(command, session.variables);
    const [name, ...args] = words.filter((word) => word !== '>&2' && word !== '1>&2');
    if (name === undefined) continue;
    if (name === 'exit') return { code: args[0] === undefined ? code : Number(args[0]) & 255, isExit: true };
    const isError = words.length > args.length + 1;
    code = await runCommand(isError ? { ...session, out: session.err } : session, name, args);
  }
  return { code, isExit: false };
}

async function runCommand(session: Session, name: string, args: readonly string[]): Promise<number> {
  const assignment = /^([A-Za-z_]\w*)=(.*)$/s.exec(name);
  if (assignment !== null) {
    session.variables.set(assignment[1] ?? '', assignment[2] ?? '');
    return 0;
  }
  if (name === 'read') {
    const line = session.io.channels.stdin ? await session.stdin.line() : undefined;
    session.variables.set(args[0] ?? 'REPLY', line ?? '');
    return line === undefined ? 1 : 0;
  }
  const program = Object.hasOwn(session.programs, name) ? session.programs[name] : undefined;
  if (program !== undefined) return program(session, args);
  await session.err(`sh: ${name}: not found\n`);
  return 127;
}

function commandsOf(script: string): string[] {
  return script.match(/(?:'[^']*'|"[^"]*"|[^;\n'"])+/g) ?? [];
}

function wordsOf(command: string, variables: ReadonlyMap<string, string>): string[] {
  const words = command.match(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g) ?? [];
  const expand = (text: string): string =>
    text.replace(/\$(?:\{(\w+)\}|(\w+))/g, (_, braced: string | undefined, bare: string | undefined) => {
      return variables.get(braced ?? bare ?? '') ?? '';
    });
  return words.map((word) =>
    word.replace(/'([^']*)'|"([^"]*)"|([^'"]+)/g, (_, raw?: string, quoted?: string, bare?: string) => {
      return raw ?? expand(quoted ?? bare ?? '');
    }),
  );
}
