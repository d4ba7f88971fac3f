import assert from 'node:assert/strict';
import {
  AuthError,
  createTokenCache,
  hasRole,
  IdentityUnavailableError,
  requireRole,
  toCaller,
  type AuthErrorCode,
  type TokenCacheOptions,
  type TokenInfo,
} from '@cetus/shared/auth';

const failsWith = (code: AuthErrorCode) => (error: unknown) =>
  error instanceof AuthError && error.code === code;

/** A Keystone whose answers the test decides, and a clock that the test moves. */
class FakeKeystone {
  now = Date.parse('2030-01-01T00:00:00Z');
  asked: string[] = [];
  asking = 0;
  mostAsking = 0;
  answer: (token: string, signal?: AbortSignal) => Promise<TokenInfo | null> = async (token) =>
    this.info(token);

  info(token: string, seconds = 3_600): TokenInfo {
    return {
      userId: `id of ${token}`,
      userName: 'demo',
      projectId: 'p',
      roles: ['member'],
      expiresAt: new Date(this.now + seconds * 1_000),
    };
  }

  async validateToken(token: string, signal?: AbortSignal): Promise<TokenInfo | null> {
    this.asked.push(token);
    this.asking += 1;
    this.mostAsking = Math.max(this.mostAsking, this.asking);
    try {
      return await this.answer(token, signal);
    } finally {
      this.asking -= 1;
    }
  }

  cache(options: TokenCacheOptions = {}) {
    return createTokenCache(this, { now: () => this.now, ...options });
  }
}

describe('auth: createTokenCache', () => {
  let keystone: FakeKeystone;
  beforeEach(() => {
    keystone = new FakeKeystone();
  });

  it('asks once for everyone who comes with the same token, and again when the time is over', async () => {
    const cache = keystone.cache({ ttlSeconds: 60 });
    const infos = await Promise.all(Array.from({ length: 100 }, () => cache.validate('a')));
    assert.ok(infos.every(({ userId }) => userId === 'id of a'));
    await cache.validate('a');
    assert.deepEqual(keystone.asked, ['a']);
    keystone.now += 60_000;
    await cache.validate('a');
    assert.deepEqual(keystone.asked, ['a', 'a']);
  });

  it('never believes a token beyond its own end', async () => {
    const cache = keystone.cache({ ttlSeconds: 600, graceSeconds: 600 });
    keystone.answer = async (token) => keystone.info(token, 30);
    await cache.validate('a');
    keystone.now += 30_000;
    keystone.answer = () => Promise.reject(new Error('down'));
    await assert.rejects(cache.validate('a'), failsWith('identity_unavailable'));
    keystone.answer = async () => null;
    await assert.rejects(cache.validate('a'), failsWith('unauthenticated'));
  });

  it('takes an answer that is over already as a refusal', async () => {
    keystone.answer = async (token) => keystone.info(token, 0);
    await assert.rejects(keystone.cache().validate('a'), failsWith('unauthenticated'));
  });

  it('remembers refusals for a short time, apart from good tokens', async () => {
    const cache = keystone.cache({ max: 10, negativeMax: 5, negativeTtlSeconds: 10 });
    await cache.validate('good');
    keystone.answer = async () => null;
    for (let i = 0; i < 50; i++)
      await assert.rejects(cache.validate(`bad${i}`), failsWith('unauthenticated'));
    assert.equal(cache.size.bad, 5);
    await cache.validate('good');
    const before = keystone.asked.length;
    await assert.rejects(cache.validate('bad49'), failsWith('unauthenticated'));
    assert.equal(keystone.asked.length, before);
    keystone.now += 10_000;
    keystone.answer = async (token) => keystone.info(token);
    await cache.validate('bad49');
  });

  it('does not pass a flood of unknown tokens on to Keystone', async () => {
    const cache = keystone.cache({ concurrency: 4, queueMax: 20 });
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    keystone.answer = async () => gate.then(() => null);
    const outcomes = Array.from({ length: 500 }, (_, i) =>
      cache.validate(`bad${i}`).then(
        () => 'ok',
        (error: AuthError) => error.code,
      ),
    );
    assert.deepEqual(cache.size, { good: 0, bad: 0, asking: 4, waiting: 20 });
    open();
    const codes = await Promise.all(outcomes);
    assert.equal(codes.filter((code) => code === 'unauthenticated').length, 24);
    assert.equal(codes.filter((code) => code === 'identity_unavailable').length, 476);
    assert.equal(keystone.mostAsking, 4);
    assert.equal(cache.size.asking, 0);
  });

  it('goes on with known tokens while Keystone is down, and asks again when it is back', async () => {
    const cache = keystone.cache({ ttlSeconds: 60, graceSeconds: 300 });
    await cache.validate('known');
    const down = new Error('ECONNREFUSED');
    keystone.answer = () => Promise.reject(down);
    await assert.rejects(cache.validate('new'), (error: unknown) => {
      assert.ok(error instanceof IdentityUnavailableError);
      assert.equal(error.cause, down);
      return true;
    });
    keystone.now += 100_000;
    await cache.validate('known');
    keystone.now += 300_000;
    await assert.rejects(cache.validate('known'), failsWith('identity_unavailable'));
    keystone.answer = async (token) => keystone.info(token);
    await cache.validate('new');
    await cache.validate('known');
  });

  it('does not wait for ever, and tells the validator to give up', async () => {
    const cache = keystone.cache({ timeoutMs: 10, concurrency: 1 });
    let told = false;
    keystone.answer = (_token, signal) => {
      signal?.addEventListener('abort', () => (told = true));
      return new Promise(() => undefined);
    };
    const both = [cache.validate('a'), cache.validate('b')];
    for (const outcome of both) await assert.rejects(outcome, failsWith('identity_unavailable'));
    assert.ok(told);
    assert.equal(cache.size.waiting, 0);
    keystone.answer = async (token) => keystone.info(token);
    await cache.validate('c');
  });

  it('lets one caller give up without disturbing the others', async () => {
    const cache = keystone.cache();
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    keystone.answer = async (token) => gate.then(() => keystone.info(token));
    const impatient = new AbortController();
    const first = cache.validate('a', impatient.signal);
    const second = cache.validate('a');
    impatient.abort(new Error('the client has gone'));
    await assert.rejects(first, /the client has gone/);
    open();
    assert.equal((await second).userId, 'id of a');
  });

  it('forgets a token, also one whose answer is on its way', async () => {
    const cache = keystone.cache();
    await cache.validate('a');
    cache.forget('a');
    keystone.answer = async () => null;
    await assert.rejects(cache.validate('a'), failsWith('unauthenticated'));
  });

  it('refuses what cannot be a token without asking', async () => {
    const cache = keystone.cache();
    for (const token of ['', 'a b', 'ä', 'x'.repeat(8_193), 'a\nb']) {
      await assert.rejects(cache.validate(token), failsWith('unauthenticated'));
    }
    assert.deepEqual(keystone.asked, []);
  });

  it('gives an answer that nobody can change for others', async () => {
    const cache = keystone.cache();
    const info = await cache.validate('a');
    assert.throws(() => (info.roles as string[]).push('admin'), TypeError);
    assert.equal(Reflect.set(info, 'projectId', 'other'), false);
  });
});

describe('auth: callers and roles', () => {
  const keystone = new FakeKeystone();

  it('needs a project', () => {
    const { projectId, ...unscoped } = keystone.info('a');
    assert.equal(toCaller({ ...unscoped, projectId: projectId ?? 'p' }, 'req-1').requestId, 'req-1');
    assert.throws(() => toCaller(unscoped, 'req-1'), failsWith('token_unscoped'));
  });

  it('knows that an admin is a member and a member a reader', () => {
    const rows: [string[], boolean, boolean, boolean][] = [
      [['reader'], true, false, false],
      [['member'], true, true, false],
      [['Admin'], true, true, true],
      [['heat_stack_owner', 'member'], true, true, false],
      [[], false, false, false],
      [['constructor', '__proto__', 'administrator'], false, false, false],
    ];
    for (const [roles, ...expected] of rows) {
      const found = (['reader', 'member', 'admin'] as const).map((role) => hasRole({ roles }, role));
      assert.deepEqual(found, expected, roles.join());
    }
    assert.throws(() => requireRole({ roles: ['reader'] }, 'member'), failsWith('forbidden'));
  });
});
