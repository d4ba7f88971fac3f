import assert from 'node:assert/strict';
import { OpenStackError } from '../../../src/errors.ts';

/** Magnum refuses with this status, and says why in its own form. */
export async function refused(request: Promise<unknown>, status: number, reason: RegExp): Promise<void> {
  await assert.rejects(request, (error) => {
    assert.ok(error instanceof OpenStackError, String(error));
    assert.deepEqual([error.status, error.service, error.code], [status, 'container-infra', 'client']);
    assert.match(error.message, reason);
    const [body] = (error.body as { errors: Record<string, unknown>[] }).errors;
    assert.ok(body !== undefined);
    assert.deepEqual(Object.keys(body).sort(), ['code', 'detail', 'links', 'request_id', 'status', 'title']);
    assert.equal(body['status'], status);
    assert.match(error.requestId ?? '', /^req-/);
    return true;
  });
}
