import assert from 'node:assert/strict';
import { CetusError, ERRORS, isErrorCode, type ErrorCode } from '@cetus/shared/errors';

describe('ERRORS', () => {
  for (const [code, { status, title, retryable }] of Object.entries(ERRORS)) {
    it(`says of ${code} what a client needs`, () => {
      assert.match(code, /^[a-z]+(_[a-z]+)*$/);
      assert.ok(status >= 400 && status <= 599);
      assert.match(title, /^[A-Z][^.]+$/, 'a few words, no sentence');
      // What is the client's own fault does not mend itself, but for what only was too soon or too much.
      if (retryable && status < 500) assert.ok([408, 409, 429].includes(status));
      if (status === 503) assert.ok(retryable, 'unavailable means that it will come back');
    });
  }

  it('has every title once, where the status is the same', () => {
    const seen = Object.values(ERRORS).map(({ status, title }) => `${String(status)} ${title}`);
    assert.equal(new Set(seen).size, seen.length);
  });

  it('knows its codes, and nothing else', () => {
    for (const code of Object.keys(ERRORS)) assert.ok(isErrorCode(code));
    for (const code of ['', 'constructor', 'toString', '__proto__', 'Not_Found'])
      assert.ok(!isErrorCode(code), code);
  });
});

describe('CetusError', () => {
  it('takes status, title and whether to try again from the table', () => {
    for (const code of Object.keys(ERRORS) as ErrorCode[]) {
      const { status, title, retryable, message } = new CetusError(code, 'What to do');
      assert.deepEqual({ status, title, retryable, message }, { ...ERRORS[code], message: 'What to do' });
    }
  });

  it('keeps what it was made with, its cause among it', () => {
    const cause = new Error('ECONNREFUSED');
    const resource = { type: 'OS::Nova::Server', name: 'm-0', id: 'x' };
    const error = new CetusError('back_end_unavailable', 'd', {
      cause,
      field: 'labels/kube_tag',
      resource,
      retryAfterMs: 5,
    });
    assert.ok(error instanceof Error);
    assert.deepEqual(
      [error.name, error.cause, error.field, error.resource, error.retryAfterMs],
      ['CetusError', cause, 'labels/kube_tag', resource, 5],
    );
    assert.equal('cause' in new CetusError('conflict', 'd'), false);
  });
});
