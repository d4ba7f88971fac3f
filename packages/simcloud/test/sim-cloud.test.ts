import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { HeatClient, type Stack } from '@cetus/openstack/heat';
import { KeystoneSession } from '@cetus/openstack/keystone';
import { OpenStackError, OpenStackUnreachableError, isActionInProgress } from '@cetus/openstack/errors';
import { startSimCloud, type SimCloud, type SimCloudOptions } from '../src/sim-cloud.ts';

const template = (resources: object) => ({ heat_template_version: '2018-08-31', resources });
const SERVER = template({ server: { type: 'OS::Nova::Server' } });
const FAST = { '*': 0.02 };

describe('the simulated cloud', () => {
  const open: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const one of open.splice(0).reverse()) await one.close();
  });
  const start = async (options: SimCloudOptions = {}): Promise<SimCloud> => {
    const cloud = await startSimCloud({ resourceSeconds: FAST, ...options });
    open.push(cloud);
    return cloud;
  };
  const client = (cloud: SimCloud, http = {}): { session: KeystoneSession; heat: HeatClient } => {
    const session = new KeystoneSession({
      authUrl: cloud.keystoneUrl,
      credentials: { type: 'password', username: 'demo', password: 'devpw', projectName: 'demo' },
      http: { retries: 0, ...http },
    });
    open.push(session);
    return { session, heat: new HeatClient(session) };
  };
  const settled = async (heat: HeatClient, id: string): Promise<Stack> => {
    for (;;) {
      const stack = await heat.getStack(id);
      assert.ok(stack !== null);
      if (!stack.stack_status.endsWith('IN_PROGRESS')) return stack;
      await delay(10);
    }
  };

  describe('switches', () => {
    it('fail a service, a path, and nothing else', async () => {
      const cloud = await start();
      const { heat, session } = client(cloud);
      await session.token();
      cloud.control.set({ services: { heat: { errorRate: 1, errorStatus: 502, retryAfter: 7 } } });
      await assert.rejects(heat.findByName('x'), (error) => {
        assert.ok(error instanceof OpenStackError);
        assert.deepEqual([error.status, error.code, error.retryAfterSeconds], [502, 'SimulatedError', 7]);
        return true;
      });
      assert.match((await session.identity()).userName, /demo/);
      cloud.control.set({ services: {}, paths: [{ match: '^POST .*/stacks$', errorRate: 1 }] });
      assert.equal(await heat.findByName('x'), null);
      await assert.rejects(heat.createStack({ name: 'x', template: SERVER }), OpenStackError);
      assert.deepEqual(cloud.control.stats().stacksCreated, {});
      assert.equal(cloud.control.stats().injected.errors, 2);
    });

    it('let a service hang, which a time-out ends', async () => {
      const cloud = await start({ switches: { services: { heat: { hang: true } } } });
      const { heat } = client(cloud, { headersTimeoutMs: 50, totalTimeoutMs: 100 });
      await assert.rejects(heat.findByName('x'), OpenStackUnreachableError);
      assert.equal(cloud.control.stats().injected.hangs, 1);
    });

    it('fail an action of a resource, by name, by type, by stack, a number of times', async () => {
      const cloud = await start();
      const { heat } = client(cloud);
      const rows: [key: string, stack: string][] = [
        ['name:server', 'by-name'],
        ['OS::Nova::Server', 'by-type'],
        ['stack:by-stack', 'by-stack'],
        ['*', 'by-all'],
      ];
      for (const [key, name] of rows) {
        cloud.control.set({
          resources: { [key]: { create: { fail: 'No valid host was found', times: 1 } } },
        });
        const { id } = await heat.createStack({ name, template: SERVER });
        const failed = await settled(heat, id);
        assert.equal(
          failed.stack_status_reason,
          'Resource CREATE failed: FakeFailure: resources.server: fake failure of OS::Nova::Server: No valid host was found',
        );
        await heat.updateStack(id, {});
        assert.equal((await settled(heat, id)).stack_status, 'UPDATE_COMPLETE');
      }
    });

    it('are set, shown and reset over HTTP', async () => {
      const cloud = await start({ switches: { services: { nova: { latencyMs: 1 } } } });
      const control = `${cloud.url}/_control`;
      const put = (body: string) =>
        fetch(control, { method: 'PUT', body, headers: { 'content-type': 'application/json' } });
      assert.equal((await put('{"resources":{"*":{"create":{"fail":"x"}}}}')).status, 200);
      const shown = (await (await fetch(control)).json()) as object;
      assert.deepEqual(shown, {
        services: { nova: { latencyMs: 1 } },
        paths: [],
        resources: { '*': { create: { fail: 'x' } } },
        magnum: {},
      });
      assert.equal((await put('{"nonsense":{}}')).status, 400);
      assert.equal((await put('{"paths":[{"match":"("}]}')).status, 400);
      assert.equal((await fetch(control, { method: 'DELETE' })).status, 204);
      assert.deepEqual(cloud.control.switches().resources, {});
      const stats = (await (await fetch(`${control}/stats`)).json()) as { requests: object };
      assert.deepEqual(stats.requests, {});
    });
  });

  it('refuses a second action without convergence', async () => {
    const cloud = await start({ convergence: false, resourceSeconds: { '*': 30 }, cancelSeconds: 0 });
    const { heat } = client(cloud);
    const { id } = await heat.createStack({ name: 'busy', template: SERVER });
    await assert.rejects(heat.updateStack(id, {}), (error) => isActionInProgress(error));
    await heat.deleteStack(id);
  });

  it('gives up a stack whose time is over, its nested stacks too', async () => {
    const cloud = await start({ timeoutMinuteSeconds: 0.2, resourceSeconds: { '*': 30 } });
    const { heat } = client(cloud);
    const group = {
      type: 'OS::Heat::ResourceGroup',
      properties: { count: 1, resource_def: { type: 'OS::Nova::Server' } },
    };
    const { id } = await heat.createStack({ name: 'slow', template: template({ group }), timeoutMins: 1 });
    const stack = await settled(heat, id);
    assert.deepEqual([stack.stack_status, stack.stack_status_reason], ['CREATE_FAILED', 'Timed out']);
    for (const resource of await heat.listResources(id, { nestedDepth: 1 })) {
      assert.equal(resource.resource_status, 'CREATE_FAILED');
      assert.match(
        resource.resource_status_reason,
        /^CREATE aborted \(Task create from \w+ "(group|0)" .*Timed out\)$/,
      );
    }
  });

  it('expires tokens', async () => {
    const cloud = await start({ tokenSeconds: 2 });
    const { session } = client(cloud);
    const first = await session.token();
    const service = new KeystoneSession({
      authUrl: cloud.keystoneUrl,
      credentials: { type: 'password', username: 'cetus', password: 'devpw', projectName: 'service' },
    });
    open.push(service);
    while ((await service.validateToken(first)) !== null) await delay(50);
    assert.notEqual(await session.token(), first);
  });

  it('lists a further service', async () => {
    const extra = { type: 'container-infra', name: 'cetus', url: 'http://127.0.0.1:9511/v1' };
    const { session } = client(await start({ catalogExtras: [extra] }));
    assert.equal(await session.endpoint('container-infra'), extra.url);
  });

  describe('with a folder', () => {
    let dataDir: string;
    beforeEach(async () => {
      dataDir = await mkdtemp(join(tmpdir(), 'simcloud-'));
    });
    afterEach(async () => {
      for (const one of open.splice(0).reverse()) await one.close();
      await rm(dataDir, { recursive: true, force: true });
    });

    it('goes on after a restart: stacks, running actions, tokens, roles', async () => {
      const group = {
        type: 'OS::Heat::ResourceGroup',
        properties: { count: 2, resource_def: { type: 'OS::Nova::Server' } },
      };
      const first = await start({ dataDir, resourceSeconds: { '*': 0.3 } });
      const one = client(first);
      const token = await one.session.token();
      const { id } = await one.heat.createStack({
        name: 'survivor',
        template: template({ group }),
        tags: ['a'],
      });
      const { id: gone } = await one.heat.createStack({ name: 'gone', template: template({}) });
      await settled(one.heat, gone);
      await one.heat.deleteStack(gone);
      assert.equal((await settled(one.heat, gone)).stack_status, 'DELETE_COMPLETE');
      assert.equal((await one.heat.getStack(id))?.stack_status, 'CREATE_IN_PROGRESS');
      await first.close();

      const second = await start({ dataDir, resourceSeconds: { '*': 0.3 } });
      const two = client(second);
      const service = new KeystoneSession({
        authUrl: second.keystoneUrl,
        credentials: { type: 'password', username: 'cetus', password: 'devpw', projectName: 'service' },
      });
      open.push(service);
      assert.equal((await service.validateToken(token))?.userName, 'demo');
      const stack = await settled(two.heat, id);
      assert.equal(stack.stack_status, 'CREATE_COMPLETE');
      assert.deepEqual(stack.tags, ['a']);
      const events = await two.heat.listEvents(id, { nestedDepth: 1, sortDir: 'asc' });
      assert.equal(events.filter((event) => event.resource_status === 'CREATE_IN_PROGRESS').length, 5);
      assert.equal((await two.heat.getStack(gone))?.stack_status, 'DELETE_COMPLETE');
      assert.equal(await two.heat.findByName('gone'), null);
      assert.deepEqual(second.control.stats().stacksCreated, {});
      assert.equal((await readdir(join(dataDir, 'stacks'))).length, 2);
    });

    it('has written a stack before it says so', async () => {
      const cloud = await start({ dataDir });
      const { id } = await client(cloud).heat.createStack({ name: 'safe', template: SERVER });
      assert.ok((await readdir(join(dataDir, 'stacks'))).includes(`${id}.json`));
    });
  });
});
