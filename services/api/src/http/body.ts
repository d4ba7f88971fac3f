import { CetusError } from '@cetus/shared/errors';
import type { FastifyInstance } from 'fastify';

/** Bytes of a body. */
export const MAX_BODY_BYTES = 256 * 1024;
const MAX_DEPTH = 16;
/** Values of a body: far more than any request has, few enough that a refusal is cheap. */
const MAX_VALUES = 20_000;

/** Serves JSON alone, within limits that are checked before anything is built from it. */
export function parseJsonBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  // Refuses the keys that could reach a prototype.
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser<string>(
    ['application/json', 'application/json-patch+json'],
    { parseAs: 'string', bodyLimit: MAX_BODY_BYTES },
    (request, text, done) => {
      if (text === '') {
        done(null, undefined);
        return;
      }
      const problem = limitBroken(text);
      if (problem !== null) {
        done(new CetusError('malformed_body', problem));
        return;
      }
      void parse(request, text, (error, value) => {
        done(
          error === null ? null : new CetusError('malformed_body', `The body is not JSON: ${error.message}`),
          value,
        );
      });
    },
  );
  // Clients of OpenStack name a type even for a DELETE that has no body.
  app.addContentTypeParser(
    'application/octet-stream',
    { parseAs: 'buffer', bodyLimit: 1024 },
    (request, body, done) => {
      if (body.length === 0) done(null, undefined);
      else
        done(
          new CetusError('unsupported_media_type', 'The body must be application/json', {
            field: 'Content-Type',
          }),
        );
    },
  );
}

/** Which limit a JSON text breaks, found without parsing it; null when none. */
function limitBroken(text: string): string | null {
  let depth = 0;
  let values = 0;
  let inString = false;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (inString) {
      if (code === 0x5c /* \ */) i += 1;
      else if (code === 0x22 /* " */) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x7b /* { */ || code === 0x5b /* [ */) {
      depth += 1;
      if (depth > MAX_DEPTH) return `The body is nested deeper than ${MAX_DEPTH} levels`;
    } else if (code === 0x7d /* } */ || code === 0x5d /* ] */) depth -= 1;
    else if (code === 0x2c /* , */) {
      values += 1;
      if (values > MAX_VALUES) return `The body has more than ${MAX_VALUES} values`;
    }
  }
  return null;
}
