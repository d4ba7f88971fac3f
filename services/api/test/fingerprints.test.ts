import { strict as assert } from 'node:assert';
import { createHash, createHmac } from 'node:crypto';
import { KeyRing } from '@cetus/shared/secrets';
import type { StoredApplication } from '@cetus/shared/schemas';
import { Fingerprints } from '../src/http/index.ts';
import { ensureUuid, expectError } from './support/answers.ts';
import { startApi, type TestApi } from './support/api.ts';

const k1 = KeyRing.generate('k1');
const k2 = KeyRing.generate('k2');
const ringOf = (...keys: string[]) => new Fingerprints(KeyRing.parse(keys.join(',')));
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

describe('api: fingerprints of requests', () => {
  it('are made with a key that is derived from the first of the ring', () => {
    const made = ringOf(k2, k1).of('password: 1234');
    assert.equal(made.key_id, 'k2');
    const key = KeyRing.parse(k2).derive('cetus.fingerprint.1').key('k2');
    assert.equal(made.fingerprint, createHmac('sha256', key).update('password: 1234').digest('hex'));
    for (const other of [ringOf(k1), ringOf(KeyRing.generate('k2'))])
      assert.notEqual(other.of('password: 1234').fingerprint, made.fingerprint);
  });

  it('are told apart, also with the keys of before', () => {
    const before = ringOf(k1).of('a');
    for (const now of [ringOf(k1), ringOf(k2, k1), ringOf(k1, k2)]) {
      assert.equal(now.matches(before, 'a'), true);
      assert.equal(now.matches(before, 'b'), false);
    }
  });

  it('say nothing when their key is gone, or not known yet', () => {
    const before = ringOf(k1).of('a');
    for (const now of [ringOf(k2), new Fingerprints(undefined)]) {
      assert.equal(now.matches(before, 'a'), true);
      assert.equal(now.matches(before, 'b'), true);
    }
  });

  it('are plain digests without keys, which are checked when there are keys later', () => {
    const plain = new Fingerprints(undefined);
    const before = plain.of('a');
    assert.deepEqual(before, { fingerprint: sha256('a') });
    for (const now of [plain, ringOf(k1)]) {
      assert.equal(now.matches(before, 'a'), true);
      assert.equal(now.matches(before, 'b'), false);
    }
  });
});

describe('api: an Idempotency-Key while keys change', () => {
  let api: TestApi;
  let cluster: string;
  before(async () => {
    api = await startApi({}, { keys: KeyRing.parse(k1) });
    cluster = await api.cluster();
  });
  after(() => api.close());

  const form = (name: string, password = '1234') => ({
    name,
    kind: 'stateless',
    placements: [{ cluster }],
    containers: [{ name: 'web', image: 'nginx' }],
    secrets: [{ name: 'db', values: { password } }],
  });
  const post = (name: string, password?: string) =>
    api.request({
      method: 'POST',
      url: '/v1/applications',
      payload: form(name, password),
      headers: { 'idempotency-key': `key of ${name}`.replaceAll(' ', '-') },
    });
  /** Another process of the API, with other keys. */
  const goOnWith = (fingerprints: Fingerprints): void => void (api.app.fingerprints = fingerprints);

  it('keeps nothing that a secret can be found out from by trying', async () => {
    const uuid = ensureUuid(await post('kept'));
    const stored = await api.store.db.collection<StoredApplication>('applications').findOne({ _id: uuid });
    assert.equal(stored?.idempotency?.key_id, 'k1');
    const asked = `POST\n/v1/applications\n${JSON.stringify(form('kept'))}`;
    assert.equal(stored.idempotency.fingerprint, ringOf(k1).of(asked).fingerprint);
    assert.ok(!JSON.stringify(stored).includes(sha256(asked)));
  });

  it('is answered alike, and refused for another request, as long as its key is there', async () => {
    goOnWith(ringOf(k1));
    const uuid = ensureUuid(await post('rotated'));
    for (const now of [ringOf(k1), ringOf(k2, k1), ringOf(k1, k2)]) {
      goOnWith(now);
      assert.equal(ensureUuid(await post('rotated')), uuid);
      expectError(await post('rotated', 'other'), 422, 'idempotency_key_reused', 'Idempotency-Key');
    }
  });

  it('is answered alike when its key is gone', async () => {
    goOnWith(ringOf(k1));
    const uuid = ensureUuid(await post('gone'));
    for (const now of [ringOf(k2), new Fingerprints(undefined)]) {
      goOnWith(now);
      assert.equal(ensureUuid(await post('gone')), uuid);
    }
  });

  it('is the same for node groups and templates', async () => {
    goOnWith(ringOf(k1));
    const key = { 'idempotency-key': 'parts' };
    for (const [url, body, other] of [
      ['/v1/clustertemplates', { coe: 'kubernetes', image_id: 'i', name: 't' }, { name: 'u' }],
      [`/v1/clusters/${await finished()}/nodegroups`, { name: 'g' }, { name: 'h' }],
    ] as const) {
      const send = (more: object = {}) =>
        api.request({ method: 'POST', url, payload: { ...body, ...more }, headers: key });
      const uuidOf = ({ json }: Awaited<ReturnType<typeof send>>) => json<{ uuid?: string }>().uuid;
      goOnWith(ringOf(k1));
      const uuid = uuidOf(await send());
      assert.ok(uuid !== undefined);
      goOnWith(ringOf(k2, k1));
      assert.equal(uuidOf(await send()), uuid);
      expectError(await send(other), 422, 'idempotency_key_reused', 'Idempotency-Key');
      goOnWith(ringOf(k2));
      assert.equal(uuidOf(await send()), uuid);
    }
  });

  async function finished(): Promise<string> {
    const uuid = await api.cluster({ name: 'finished' });
    await api.finish(uuid);
    return uuid;
  }
});
