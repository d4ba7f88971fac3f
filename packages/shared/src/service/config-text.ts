import type { TObject } from 'typebox';
import { describeVariables, type Variable } from './config-schema.ts';

const HIDDEN = '[redacted]';

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Hides the user and the password of every URL in a text, for logs and for answers. */
export function hideUserinfo(text: string): string {
  return text.replace(/(\b[a-z][a-z0-9+.-]*:\/\/)[^/?#\s@]*@/gi, `$1${HIDDEN}@`);
}

/** A configuration that may be shown: secrets are hidden, everything else is as it is in effect. */
export function redactConfig(schema: TObject, config: object): Record<string, unknown> {
  const values = config as Record<string, unknown>;
  return Object.fromEntries(
    describeVariables(schema.properties).map(({ name, secret }) => {
      const value = values[name];
      if (value === undefined || secret === undefined) return [name, value];
      return [name, secret === 'userinfo' ? hideUserinfo(shown(value)) : HIDDEN];
    }),
  );
}

function shownDefault({ default: value, required, secret }: Variable): string {
  if (value === undefined) return required ? 'required' : 'not set';
  if (secret === true) return HIDDEN;
  return value === '' ? 'empty' : secret === 'userinfo' ? hideUserinfo(shown(value)) : shown(value);
}

function shownType({ type, unit }: Variable): string {
  return unit ? `${type}, ${unit}` : type;
}

/** The answer to `--help`: every variable with its default and what it decides. */
export function configurationHelp(name: string, schema: TObject): string {
  const rows = describeVariables(schema.properties).map((variable) => ({
    head: [variable.name, shownDefault(variable), shownType(variable)] as const,
    description: variable.description,
  }));
  const widths = [0, 1, 2].map((column) => Math.max(0, ...rows.map(({ head }) => head[column]?.length ?? 0)));
  const lines = rows.map(
    ({ head, description }) =>
      `  ${head.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}  ${description}`,
  );
  return [
    `${name} is configured by environment variables (name, default, type, meaning):`,
    '',
    ...lines,
    '',
  ].join('\n');
}

/** The same table as a page of the reference, in Markdown. */
export function configurationMarkdown(name: string, schema: TObject): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
  const rows = describeVariables(schema.properties).map(
    (variable) =>
      `| \`${variable.name}\` | ${cell(shownType(variable))} | ${code(shownDefault(variable), variable)} | ${cell(
        variable.description,
      )}${variable.secret === true ? ' Secret.' : ''} |`,
  );
  return [
    `## ${name}`,
    '',
    '| Variable | Type | Default | Meaning |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

function code(text: string, variable: Variable): string {
  return variable.default === undefined || variable.default === '' || variable.secret === true
    ? text
    : `\`${text}\``;
}
