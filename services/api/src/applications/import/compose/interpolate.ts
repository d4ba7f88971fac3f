import { isFields } from '../mapping.ts';
import type { Place } from '../report.ts';
import { refuse } from '../refuse.ts';

/** Characters that variables may make of a file. */
const MAX_CHARACTERS = 4 * 1024 * 1024;
const TOO_LARGE = `has more than ${String(MAX_CHARACTERS)} characters with its variables`;
/** Defaults within defaults. */
const MAX_DEPTH = 8;

const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;

/**
 * Puts variables into the values of a Compose file.
 * Source: https://github.com/compose-spec/compose-spec/blob/main/12-interpolation.md
 */
export class Interpolation {
  private readonly variables: ReadonlyMap<string, string>;
  private characters = 0;

  constructor(variables: Record<string, string>) {
    this.variables = new Map(Object.entries(variables));
  }

  /** What a variable stands for. */
  get(name: string): string | undefined {
    return this.variables.get(name);
  }

  /**
   * A value with its variables put in, keys aside. What is not known is empty, and told of.
   * @throws CetusError `invalid_field` when a variable is missing that the file calls necessary
   */
  apply(value: unknown, at: Place): unknown {
    if (typeof value === 'string') return this.text(value, at);
    if (Array.isArray(value)) return value.map((item, index) => this.apply(item, at.in(index)));
    if (!isFields(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, this.apply(item, at.in(key))] as const),
    );
  }

  private text(text: string, at: Place): string {
    const made = text.includes('$') ? this.expand(text, at, 0) : text;
    this.characters += made.length;
    if (this.characters > MAX_CHARACTERS) refuse(TOO_LARGE);
    return made;
  }

  private expand(text: string, at: Place, depth: number): string {
    if (depth > MAX_DEPTH) refuse(`has variables within variables at ${at.source}: ${at.path}`);
    const parts: string[] = [];
    const missing = new Set<string>();
    let from = 0;
    let isOdd = false;
    for (let i = text.indexOf('$'); i !== -1; i = text.indexOf('$', from)) {
      parts.push(text.slice(from, i));
      from = i + 1;
      const isBraced = text[from] === '{';
      const name = nameAt(text, isBraced ? from + 1 : from);
      const end = isBraced && name !== '' ? endOf(text, from + 1) : from + name.length;
      if (text[from] === '$') {
        parts.push('$');
        from += 1;
      } else if (name === '' || end === -1) {
        isOdd = true;
        parts.push('$');
        // Without its brace the rest cannot be told from a default.
        if (end === -1) break;
      } else if (isBraced) {
        parts.push(this.braced(name, text.slice(from + 1 + name.length, end), { at, depth, missing }));
        from = end + 1;
      } else {
        parts.push(this.plain(name, missing));
        from = end;
      }
    }
    parts.push(text.slice(from));
    if (isOdd) at.changed('A `$` is not followed by the name of a variable; it stays as it is.');
    for (const name of missing) at.changed(`The variable ${name} is not given in variables; it is empty.`);
    return parts.join('');
  }

  private braced(
    name: string,
    rest: string,
    { at, depth, missing }: { at: Place; depth: number; missing: Set<string> },
  ): string {
    const [, operator = '', word = ''] = /^(:?[-?+])?([^]*)$/.exec(rest) ?? [];
    const value = this.variables.get(name);
    const isThere = operator.startsWith(':') ? value !== undefined && value !== '' : value !== undefined;
    if (operator.endsWith('-')) return isThere ? (value ?? '') : this.expand(word, at, depth + 1);
    if (operator.endsWith('+')) return isThere ? this.expand(word, at, depth + 1) : '';
    if (operator.endsWith('?') && !isThere)
      refuse(`needs the variable ${name}, at ${at.source}: ${at.path}; give it in variables`);
    if (operator === '' && word !== '')
      at.changed(`What follows the name of the variable ${name} is not understood, and left out.`);
    return this.plain(name, missing);
  }

  private plain(name: string, missing: Set<string>): string {
    const value = this.variables.get(name);
    if (value === undefined) missing.add(name);
    this.characters += value?.length ?? 0;
    if (this.characters > MAX_CHARACTERS) refuse(TOO_LARGE);
    return value ?? '';
  }
}

function nameAt(text: string, index: number): string {
  NAME.lastIndex = index;
  return NAME.exec(text)?.[0] ?? '';
}

/** The brace that ends what begins at an index; -1: none. */
function endOf(text: string, index: number): number {
  let depth = 1;
  for (let i = index; i < text.length; i += 1) {
    if (text[i] === '$' && text[i + 1] === '{') depth += 1;
    else if (text[i] === '}') depth -= 1;
    if (depth === 0) return i;
  }
  return -1;
}
