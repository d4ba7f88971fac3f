import assert from 'node:assert/strict';
import {
  EndpointNotFoundError,
  OpenStackError,
  OpenStackUnreachableError,
  ProjectScopeError,
} from '../../src/errors.ts';
import { KeystoneSession } from '../../src/keystone.ts';
import { targets, type Cloud } from './targets.ts';

const refusedWith = (status: number, code: string) => (error: unknown) => {
  assert.ok(error instanceof OpenStackError, String(error));
  assert.equal(error.status, status);
  assert.equal(error.code, code);
  assert.match(error.requestId ?? '', /^req-/);
  assert.ok(error.message.length > 0);
  return true;
};

for (const target of targets) {
  describe(`Keystone contract: ${target.name}`, () => {
    let cloud: Cloud;
    before(async () => {
      cloud = await target.start();
    });
    after(() => cloud.close());

    it('gives a token for a password and says whose it is', async () => {
      const identity = await cloud.session('demo', 'demo').identity();
      assert.equal(identity.userName, 'demo');
      assert.equal(identity.projectName, 'demo');
      assert.match(identity.projectId ?? '', /^[0-9a-f]{32}$/);
      assert.ok(identity.roles.includes('member') && identity.roles.includes('reader'));
      assert.ok(identity.expiresAt.getTime() > Date.now());
      assert.equal(identity.auditIds.length, 1);
    });

    it('refuses a wrong password, an unknown user, project, and a project without a role alike', async () => {
      const bad = new KeystoneSession({
        authUrl: cloud.authUrl,
        credentials: { type: 'password', username: 'demo', password: 'wrong', projectName: 'demo' },
      });
      await assert.rejects(bad.token(), refusedWith(401, 'Unauthorized'));
      await bad.close();
      await assert.rejects(cloud.session('nobody', 'demo').token(), refusedWith(401, 'Unauthorized'));
      await assert.rejects(
        cloud.session('demo', 'no-such-project').token(),
        refusedWith(401, 'Unauthorized'),
      );
      await assert.rejects(cloud.session('demo', 'admin').token(), refusedWith(401, 'Unauthorized'));
    });

    it('validates tokens: scoped, unscoped, unknown, revoked', async () => {
      const service = cloud.session('cetus', 'service');
      const demo = cloud.session('demo', 'demo');
      const identity = await service.validateToken(await demo.token());
      assert.equal(identity?.userName, 'demo');
      assert.deepEqual({ ...identity, expiresAt: 0 }, { ...(await demo.identity()), expiresAt: 0 });
      const unscoped = await service.validateToken(await cloud.session('demo', undefined).token());
      assert.equal(unscoped?.projectId, undefined);
      assert.deepEqual(unscoped?.roles, []);
      assert.equal(await service.validateToken('gAAAAAnothing'), null);
      assert.equal(await service.validateToken('two words'), null);
      const token = await cloud.session('demo', 'demo').token();
      await service.request('identity', 'DELETE', '/auth/tokens', { headers: { 'x-subject-token': token } });
      assert.equal(await service.validateToken(token), null);
    });

    it('does not let a plain user validate another token', async () => {
      const other = await cloud.session('demo2', 'demo2').token();
      await assert.rejects(cloud.session('demo', 'demo').validateToken(other), refusedWith(403, 'Forbidden'));
    });

    it('finds endpoints by official and by other names, and says when there is none', async () => {
      const session = cloud.session('demo', 'demo');
      const { projectId } = await session.identity();
      assert.match(await session.endpoint('orchestration'), new RegExp(`/v1/${projectId}$`));
      assert.match(
        await session.endpoint('orchestration', { interface: 'internal', region: 'RegionOne' }),
        /^http/,
      );
      assert.match(await session.endpoint('compute'), /\/compute\/v2\.1$/);
      assert.equal(await session.endpoint('heat'), await session.endpoint('orchestration'));
      await assert.rejects(session.endpoint('no-such-service'), EndpointNotFoundError);
      await assert.rejects(session.endpoint('compute', { region: 'Nowhere' }), EndpointNotFoundError);
    });

    it('gets a new token when the old one is no longer good, and repeats', async () => {
      const session = cloud.session('cetus', 'service');
      const first = await session.token();
      await cloud.session('admin', 'admin').request('identity', 'DELETE', '/auth/tokens', {
        headers: { 'x-subject-token': first },
      });
      const answer = await session.request('identity', 'GET', '/roles', { query: { name: 'member' } });
      assert.equal(answer.status, 200);
      assert.notEqual(await session.token(), first);
    });

    it('acts for another project by giving itself the roles there', async () => {
      const demo2 = (await cloud.session('demo2', 'demo2').identity()).projectId ?? '';
      const plain = cloud.session('cetus', 'service');
      const { userId } = await plain.identity();
      const roles = await plain.request('identity', 'GET', '/roles');
      for (const { id, name } of (roles.body as { roles: { id: string; name: string }[] }).roles) {
        if (!['member', 'heat_stack_owner'].includes(name)) continue;
        const path = `/projects/${demo2}/users/${userId}/roles/${id}`;
        await plain.request('identity', 'DELETE', path, {
          accept: (status) => status === 204 || status === 404,
        });
      }
      // Some Keystones forget a role only after a moment.
      for (let refused = false; !refused;) {
        const other = cloud.session('cetus', 'service').forProject(demo2);
        refused = await other.token().then(
          () => false,
          (error: unknown) => refusedWith(401, 'Unauthorized')(error),
        );
      }
      const service = cloud.session('cetus', 'service', {
        grantRoles: ['member', 'heat_stack_owner', 'no-such-role'],
      });
      const [one, two] = await Promise.all([
        service.forProject(demo2).identity(),
        service.forProject(demo2).endpoint('orchestration'),
      ]);
      assert.equal(one.projectId, demo2);
      assert.ok(one.roles.includes('member') && one.roles.includes('heat_stack_owner'));
      assert.match(two, new RegExp(`/v1/${demo2}$`));
      assert.equal(service.forProject(demo2), service.forProject(demo2));
      await assert.rejects(service.forProject('0'.repeat(32)).token(), refusedWith(404, 'Not Found'));
    });

    it('takes an application credential, which stays in its project', async () => {
      const demo = cloud.session('demo', 'demo');
      const { userId, projectId } = await demo.identity();
      const name = `contract-${String(Date.now())}`;
      const path = `/users/${userId}/application_credentials`;
      const made = await demo.request('identity', 'POST', path, {
        json: { application_credential: { name } },
      });
      const { id, secret } = (made.body as { application_credential: { id: string; secret: string } })
        .application_credential;
      const session = new KeystoneSession({
        authUrl: cloud.authUrl,
        credentials: { type: 'application_credential', id, secret },
      });
      const wrong = new KeystoneSession({
        authUrl: cloud.authUrl,
        credentials: { type: 'application_credential', id, secret: 'wrong' },
      });
      try {
        assert.equal((await session.identity()).projectId, projectId);
        assert.equal((await session.forProject(projectId ?? '').identity()).projectId, projectId);
        await assert.rejects(session.forProject('0'.repeat(32)).token(), ProjectScopeError);
        await assert.rejects(wrong.token(), refusedWith(401, 'Unauthorized'));
      } finally {
        await session.close();
        await wrong.close();
        await demo.request('identity', 'DELETE', `${path}/${id}`);
      }
    });

    it('says that nobody is there', async () => {
      const nowhere = new KeystoneSession({
        authUrl: 'http://127.0.0.1:1/v3',
        credentials: { type: 'password', username: 'demo', password: 'x' },
        http: { retries: 1, retryMinMs: 1 },
      });
      await assert.rejects(
        nowhere.token(),
        (error) => error instanceof OpenStackUnreachableError && error.code === 'ECONNREFUSED',
      );
      await nowhere.close();
    });
  });
}
