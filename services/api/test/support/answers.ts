import { strict as assert } from 'node:assert';
import { ERRORS, type ErrorCode } from '@cetus/shared/errors';

interface Answer {
  statusCode: number;
  body: string;
  headers: Record<string, unknown>;
  json<T>(): T;
}

interface ErrorItem {
  request_id: string;
  code: ErrorCode;
  status: number;
  title: string;
  detail: string;
  field?: string;
  links: unknown[];
}

/** The errors of an answer, after a check that it is an error body like every other. */
export function errorsOf(answer: Answer): ErrorItem[] {
  assert.match(String(answer.headers['content-type']), /^application\/json/, answer.body);
  const { errors, ...rest } = answer.json<{ errors: ErrorItem[] }>();
  assert.deepEqual(rest, {});
  assert.ok(errors.length > 0 && errors.length <= 20);
  for (const error of errors) {
    assert.equal(error.request_id, answer.headers['x-openstack-request-id']);
    assert.match(error.request_id, /^req-[0-9a-f-]{36}$/);
    assert.ok(Object.hasOwn(ERRORS, error.code), error.code);
    assert.equal(error.status, answer.statusCode);
    assert.ok(error.title.startsWith(ERRORS[error.code].title));
    assert.ok(error.detail.length > 0);
    assert.deepEqual(error.links, []);
  }
  return errors;
}

export function errorOf(answer: Answer): ErrorItem {
  return errorsOf(answer)[0] as ErrorItem;
}

export function expectError(answer: Answer, status: number, code: ErrorCode, field?: string): void {
  assert.equal(answer.statusCode, status, answer.body);
  const error = errorOf(answer);
  assert.equal(error.code, code, answer.body);
  if (field !== undefined) assert.equal(error.field, field, answer.body);
}

export function ensureUuid(answer: Answer): string {
  assert.equal(answer.statusCode, 202, answer.body);
  return answer.json<{ uuid: string }>().uuid;
}
