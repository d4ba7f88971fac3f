import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { startSimCloud, type SimCloud } from '@cetus/simcloud/sim-cloud';
import { OpenStackError } from '../src/errors.ts';
import { KeystoneSession, type KeystoneSessionOptions } from '../src/keystone.ts';

describe('KeystoneSession', () => {
  let cloud: SimCloud;
  const sessions: KeystoneSession[] = [];
  const open = (options: Partial<KeystoneSessionOptions> = {}): KeystoneSession => {
    const session = new KeystoneSession({
      authUrl: cloud.keystoneUrl,
      credentials: { type: 'password', username: 'cetus', password: 'devpw', projectName: 'service' },
      http: { retries: 0 },
      ...options,
    });
    sessions.push(session);
    return session;
  };
  const tokensIssued = (): number =>
    cloud.control.stats().requests['keystone POST /identity/v3/auth/tokens 201'] ?? 0;
  beforeEach(async () => {
    cloud = await startSimCloud({ tokenSeconds: 3 });
  });
  afterEach(async () => {
    for (const session of sessions.splice(0)) await session.close();
    await cloud.close();
  });

  it('asks for one token however many want it, and not again while it is good', async () => {
    const session = open();
    const tokens = await Promise.all(Array.from({ length: 20 }, () => session.token()));
    assert.equal(new Set(tokens).size, 1);
    await session.token();
    assert.equal(tokensIssued(), 1);
  });

  it('does not let one caller end the request of the others', async () => {
    const session = open();
    cloud.control.set({ services: { keystone: { latencyMs: 50 } } });
    const abort = new AbortController();
    const impatient = session.token(abort.signal);
    const patient = session.token();
    abort.abort(new Error('enough'));
    await assert.rejects(impatient, /enough/);
    assert.ok((await patient).length > 0);
  });

  it('uses the old token to its end while Keystone does not answer, but not after a refusal', async () => {
    const session = open({ renewBeforeSeconds: 3600, http: { retries: 0, totalTimeoutMs: 50 } });
    const first = await session.token();
    cloud.control.set({ services: { keystone: { hang: true } } });
    // Half of its life is over: due for renewal.
    let renewals = 0;
    while (renewals === 0) {
      assert.equal(await session.token(), first);
      await delay(20);
      renewals = cloud.control.stats().injected.hangs;
    }
    assert.equal(await session.token(), first);
    cloud.control.set({ services: { keystone: { errorRate: 1, errorStatus: 500 } } });
    await assert.rejects(session.token(), OpenStackError);
  });

  it('keeps no more project sessions than told', () => {
    const session = open({ maxProjectSessions: 2 });
    const first = session.forProject('a');
    assert.equal(session.forProject('a'), first);
    session.forProject('b');
    session.forProject('c');
    assert.notEqual(session.forProject('a'), first);
  });

  it('gives itself no role unless told to', async () => {
    const admin = open();
    const { body } = await admin.request('identity', 'GET', '/projects', { query: { name: 'demo' } });
    const projectId = (body as { projects: { id: string }[] }).projects[0]?.id ?? '';
    await assert.rejects(open().forProject(projectId).token(), OpenStackError);
    const granting = open({ grantRoles: ['member'] });
    assert.deepEqual((await granting.forProject(projectId).identity()).roles.sort(), ['member', 'reader']);
    assert.deepEqual(await granting.ensureProjectRole(projectId, ['member', 'nothing']), ['member']);
  });
});
