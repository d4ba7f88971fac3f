import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import {
  KeyRing,
  loadOrCreateKeyRing,
  SecretBox,
  SecretError,
  type SecretErrorCode,
} from '@cetus/shared/secrets';

const k1 = KeyRing.generate('k1');
const k2 = KeyRing.generate('k2');
const place = { id: 'c1', field: 'status.kubeconfig' };

function failsWith(code: SecretErrorCode, secret = 'hunter2') {
  return (error: unknown): boolean => {
    assert.ok(error instanceof SecretError);
    assert.equal(error.code, code);
    assert.ok(!error.message.includes(secret));
    return true;
  };
}

describe('secrets: SecretBox', () => {
  const box = new SecretBox(KeyRing.parse(k1));

  it('opens what it sealed, whatever it is, and only strings of base64 are kept', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), fc.string(), fc.string(), (bytes, id, field) => {
        const record = box.seal(bytes, { id, field });
        assert.deepEqual(Object.keys(record).sort(), ['ciphertext', 'key_id', 'nonce', 'tag', 'v']);
        assert.deepEqual(new Uint8Array(box.openBytes(record, { id, field })), bytes);
      }),
    );
    assert.equal(box.open(box.seal('Grüße ☸', place), place), 'Grüße ☸');
  });

  it('never seals the same twice', () => {
    const records = Array.from({ length: 100 }, () => box.seal('hunter2', place));
    assert.equal(new Set(records.map(({ nonce }) => nonce)).size, 100);
    assert.equal(new Set(records.map(({ ciphertext }) => ciphertext)).size, 100);
  });

  it('does not open a record at another place', () => {
    const record = box.seal('hunter2', place);
    for (const other of [
      { ...place, id: 'c2' },
      { ...place, field: 'status.password' },
      { id: '', field: `c1${place.field}` },
    ]) {
      assert.throws(() => box.open(record, other), failsWith('record_rejected'));
    }
  });

  it('does not open a record in which a single bit was changed', () => {
    const record = box.seal('hunter2', place);
    fc.assert(
      fc.property(fc.constantFrom('nonce', 'ciphertext', 'tag'), fc.nat(), (field, at) => {
        const bytes = Buffer.from(record[field as 'tag'], 'base64');
        const i = Math.floor(at / 8) % bytes.length;
        bytes[i] = (bytes[i] ?? 0) ^ (1 << (at % 8));
        const changed = { ...record, [field]: bytes.toString('base64') };
        assert.throws(() => box.open(changed, place), failsWith('record_rejected'));
      }),
    );
  });

  it('does not take a shortened tag, nor anything that is no record', () => {
    const record = box.seal('hunter2', place);
    const short = Buffer.from(record.tag, 'base64').subarray(0, 4).toString('base64');
    const wrong: unknown[] = [
      { ...record, tag: short },
      { ...record, v: 2 },
      { ...record, nonce: 1 },
      {},
      null,
      'x',
    ];
    for (const bad of wrong) assert.throws(() => box.open(bad as never, place), failsWith('record_invalid'));
  });

  it('rotates to the first key of the ring, and opens old records until their key is gone', () => {
    const old = box.seal('hunter2', place);
    const both = new SecretBox(KeyRing.parse(`${k2},${k1}`));
    assert.equal(both.open(old, place), 'hunter2');
    assert.equal(both.needsRotation(old), true);
    const rotated = both.rotate(old, place);
    assert.equal(rotated.key_id, 'k2');
    assert.equal(both.rotate(rotated, place), rotated);
    const after = new SecretBox(KeyRing.parse(k2));
    assert.equal(after.open(rotated, place), 'hunter2');
    assert.throws(() => after.open(old, place), failsWith('key_unknown'));
    // Another key under the same id.
    const other = new SecretBox(KeyRing.parse(KeyRing.generate('k2')));
    assert.throws(() => other.open(rotated, place), failsWith('record_rejected'));
  });
});

describe('secrets: KeyRing', () => {
  it('refuses what is not a ring, without showing a key', () => {
    const key = k1.slice(3);
    const bad = [
      '',
      ' ',
      key,
      'k1:',
      'k1:c2hvcnQ=',
      `${k1},${k1}`,
      `k1:${key.slice(0, -2)}`,
      `-:${key}`,
      `${k1};${k2}`,
    ];
    for (const text of bad)
      assert.throws(() => KeyRing.parse(text), failsWith('key_ring_invalid', key), text);
  });

  it('derives other keys under the same ids, for each purpose', () => {
    const ring = KeyRing.parse(`${k2},${k1}`);
    const derived = ring.derive('one');
    assert.deepEqual([derived.primaryId, derived.has('k1'), derived.has('k3')], ['k2', true, false]);
    const bytes = (from: KeyRing, id: string) => from.key(id).export().toString('hex');
    const all = [ring, derived, ring.derive('other')].flatMap((one) => [bytes(one, 'k1'), bytes(one, 'k2')]);
    assert.equal(new Set(all).size, 6);
    // Every process derives the same, whatever else is in its ring.
    assert.equal(bytes(KeyRing.parse(k1).derive('one'), 'k1'), bytes(derived, 'k1'));
    assert.equal(derived.key('k1').symmetricKeySize, 32);
    assert.throws(() => derived.key('k3'), failsWith('key_unknown'));
  });

  it('takes spaces and line ends around and between the keys', () => {
    assert.equal(KeyRing.parse(`\n${k2},\n ${k1}\n`).primaryId, 'k2');
  });
});

describe('secrets: loadOrCreateKeyRing', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cetus-keys-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('gives every one of many that start at once the same key, and leaves nothing else behind', async () => {
    const file = join(folder, 'deep', 'keys');
    const rings = await Promise.all(Array.from({ length: 20 }, () => loadOrCreateKeyRing(file)));
    const [first = rings[0]] = rings;
    assert.ok(first);
    const record = new SecretBox(first).seal('hunter2', place);
    for (const ring of rings) assert.equal(new SecretBox(ring).open(record, place), 'hunter2');
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(join(folder, 'deep')), ['keys']);
  });

  it('refuses a file that others can read', async () => {
    const file = join(folder, 'keys');
    await loadOrCreateKeyRing(file);
    const key = (await readFile(file, 'utf8')).trim().slice(3);
    await chmod(file, 0o644);
    await assert.rejects(loadOrCreateKeyRing(file), failsWith('key_ring_invalid', key));
  });
});
