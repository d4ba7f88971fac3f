import assert from 'node:assert/strict';
import { Parser } from '@asyncapi/parser';
import { asyncApi } from '../../scripts/reference/asyncapi.ts';

/** Of the parser's severities: 0 is an error, 1 a warning. */
const WARNING = 1;

describe('the AsyncAPI document', () => {
  it('is valid AsyncAPI 3', async () => {
    const { document, diagnostics } = await new Parser().parse(asyncApi());
    assert.deepEqual(
      diagnostics
        .filter(({ severity }) => Number(severity) <= WARNING)
        .map(({ message, path }) => `${path.join('.')}: ${message}`),
      [],
    );
    assert.equal(document?.version(), '3.0.0');
  });
});
