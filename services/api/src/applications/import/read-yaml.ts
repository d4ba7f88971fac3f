import {
  Composer,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  Parser,
  type Document,
  type Node,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import { refuse } from './refuse.ts';

/** Levels of nesting, of which the parser counts two for most. */
const MAX_DEPTH = 100;
/** Parts that the text is cut into: far more than what is imported has, few enough that a refusal is cheap. */
const MAX_LEXEMES = 400_000;
/** Values, with those that aliases and merges repeat. */
const MAX_VALUES = 50_000;
/** Characters of all values together, with those that aliases and merges repeat. */
const MAX_CHARACTERS = 4 * 1024 * 1024;

/** What a text holds. */
export interface YamlContent {
  /** Plain values, as JSON has them; empty documents are left out. */
  documents: unknown[];
  /** The lines of tags that have no meaning here. */
  unknownTags: number[];
}

/**
 * Reads YAML, and so JSON, of a stranger. What is composed by recursion is shallow, and what aliases make of it is bounded: the library's
 * own bound counts aliases, not what they stand for.
 * @throws CetusError `invalid_field` of `content`, with the number of the line; the text itself, which may hold secrets, is not quoted
 */
export function readYaml(text: string): YamlContent {
  // One text can be wrong in a hundred thousand places, each of them an error, of which only the first is told: no stacks of them.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return read(text);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function read(text: string): YamlContent {
  const lines = new LineCounter();
  const reader = new Reader(lines);
  const documents: unknown[] = [];
  const unknownTags: number[] = [];
  // Neither names that are compared with each other nor errors with an excerpt each: both take time by the square of the length.
  const composer = new Composer({ version: '1.2', uniqueKeys: false, logLevel: 'error' });
  for (const document of composer.compose(tokensOf(text, lines), false, text.length)) {
    const [error] = document.errors;
    if (error !== undefined) {
      const why = error.code.toLowerCase().replaceAll('_', ' ');
      refuse(`is not YAML: ${why} in line ${String(lines.linePos(error.pos[0]).line)}`);
    }
    for (const { pos } of document.warnings) unknownTags.push(lines.linePos(pos[0]).line);
    const value = reader.read(document);
    if (value !== null) documents.push(value);
  }
  return { documents, unknownTags };
}

function* tokensOf(text: string, lines: LineCounter) {
  const parser = new Parser(lines.addNewLine);
  // The first line begins where no line ends.
  lines.addNewLine(0);
  let lexemes = 0;
  for (const lexeme of new Lexer().lex(text)) {
    lexemes += 1;
    if (lexemes > MAX_LEXEMES) refuse('has too many values');
    const tokens = [...parser.next(lexeme)];
    // What is nested deeply is composed by recursion, and out of stack Node may end the whole process.
    if (parser.stack.length > MAX_DEPTH)
      refuse(`is nested too deeply in line ${String(lines.linePos(parser.offset).line)}`);
    yield* tokens;
  }
  yield* parser.end();
}

/** Makes plain values of nodes, of all documents of a text together no more than is bearable. */
class Reader {
  private readonly lines: LineCounter;
  private anchors = new Map<string, unknown>();
  private values = 0;
  private characters = 0;

  constructor(lines: LineCounter) {
    this.lines = lines;
  }

  read(document: Document): unknown {
    this.anchors = new Map();
    return document.contents === null ? null : this.value(document.contents);
  }

  private value(node: unknown): unknown {
    if (isAlias(node)) {
      if (!this.anchors.has(node.source)) this.refuseAt(node, 'names an anchor that is not before it');
      return this.copy(this.anchors.get(node.source), 0);
    }
    const value = this.count(
      isMap(node)
        ? this.mapping(node)
        : isSeq(node)
          ? node.items.map((item) => this.value(item))
          : isScalar(node)
            ? scalarOf(node)
            : null,
    );
    const anchor = (node as { anchor?: string } | null)?.anchor;
    if (anchor !== undefined) this.anchors.set(anchor, value);
    return value;
  }

  /** Fields of its own come before those that are merged into it, and the first that is merged before the others. */
  private mapping(node: YAMLMap): Record<string, unknown> {
    const own = new Map<string, unknown>();
    const merged: unknown[] = [];
    for (const { key, value } of node.items) {
      if (isMergeKey(key)) {
        const source = this.value(value);
        merged.push(...(Array.isArray(source) ? (source as unknown[]) : [source]));
        continue;
      }
      const name = this.keyOf(key);
      if (own.has(name)) this.refuseAt(key, 'has a key for the second time');
      own.set(name, this.value(value));
    }
    for (const source of merged) {
      if (typeof source !== 'object' || source === null || Array.isArray(source))
        this.refuseAt(node, 'merges what is not a mapping');
      for (const [name, value] of Object.entries(source)) if (!own.has(name)) own.set(name, value);
    }
    // Unlike an assignment, this cannot reach a prototype.
    return Object.fromEntries(own);
  }

  private keyOf(key: unknown): string {
    if (!isScalar(key)) return this.refuseAt(key, 'has a key that is no text');
    const value = this.count(scalarOf(key));
    return value === null ? '' : String(value);
  }

  private copy(value: unknown, depth: number): unknown {
    if (depth > MAX_DEPTH) refuse('is nested too deeply by its aliases');
    this.count(value);
    if (Array.isArray(value)) return value.map((item) => this.copy(item, depth + 1));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [this.count(name), this.copy(item, depth + 1)]),
    );
  }

  private count<T>(value: T): T {
    this.values += 1;
    if (typeof value === 'string') this.characters += value.length;
    if (this.values > MAX_VALUES) refuse(`has more than ${String(MAX_VALUES)} values, with those of aliases`);
    if (this.characters > MAX_CHARACTERS)
      refuse(`has more than ${String(MAX_CHARACTERS)} characters, with those of aliases`);
    return value;
  }

  private refuseAt(node: unknown, rule: string): never {
    const offset = (node as Node | null)?.range?.[0] ?? 0;
    return refuse(`${rule} in line ${String(this.lines.linePos(offset).line)}`);
  }
}

function isMergeKey(key: unknown): boolean {
  return isScalar(key) && key.value === '<<' && key.type === 'PLAIN';
}

/** A number that would not be the same afterwards stays the text that it was. */
function scalarOf(node: Scalar): string | number | boolean | null {
  const { value, source } = node;
  if (typeof value === 'number') {
    const isExact = Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value);
    return isExact ? value : (source ?? String(value));
  }
  // Half of a pair, which an escape can make, has no form in UTF-8.
  if (typeof value === 'string') return value.toWellFormed();
  return typeof value === 'boolean' ? value : null;
}
