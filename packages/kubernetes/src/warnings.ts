import type { IncomingHttpHeaders } from 'node:http';

/** One `Warning` of RFC 7234, section 5.5: code, agent, text in quotes. */
const WARNING = /\b\d{3} \S+ "((?:[^"\\]|\\.)*)"/g;

/** What an API server warns of beside its answer: what is deprecated, or will be refused later. */
export function warningsOf(headers: IncomingHttpHeaders): string[] {
  // There is one header for each, or one for several.
  const values = [headers['warning'] ?? []].flat();
  return values.flatMap((value) =>
    [...value.matchAll(WARNING)].map(([, text = '']) => text.replace(/\\(.)/g, '$1')),
  );
}
