import { briefly } from '../../health/brief.ts';

/** The last lines of a log that a cause carries, and their bytes. */
export const LOG_LINES = 20;
export const LOG_BYTES = 4 * 1024;

/** What a terminal, a page or a log would act on instead of showing it: control characters, all but tabs and ends of lines. */
// eslint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;
/** Colors and movements of the cursor of a terminal. Source: ECMA-48, control sequences */
// eslint-disable-next-line no-control-regex
const TERMINAL = /\u001b\[[0-?]*[ -/]*[@-~]/g;

/** Halves of a character without the other one. */
const HALVES = /[\ud800-\udfff]/gu;

/** What a cluster or a container says, in one line, no longer than a person reads. */
export function sentence(text: string): string {
  return briefly(shown(text).replace(/\s+/g, ' ').trim());
}

/** The last lines of a log, bounded, with nothing in them that is not shown; undefined when nothing was written. */
export function lastLines(log: string): string | undefined {
  const lines = shown(log.replaceAll('\r\n', '\n')).trimEnd().split('\n').slice(-LOG_LINES);
  const text = lastBytes(lines.join('\n'));
  return text === '' ? undefined : text;
}

function shown(text: string): string {
  return text.replace(TERMINAL, '').replace(CONTROLS, '\ufffd').replace(HALVES, '\ufffd');
}

function lastBytes(text: string): string {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= LOG_BYTES) return text;
  let start = bytes.length - LOG_BYTES;
  // Not in the middle of a character.
  while (((bytes[start] ?? 0) & 0xc0) === 0x80) start += 1;
  return bytes.subarray(start).toString('utf8');
}
