import assert from 'node:assert/strict';
import { MagnumDesk } from './support.ts';

describe('the simulated Magnum', () => {
  let desk: MagnumDesk;
  afterEach(() => desk.close());
  const send = async (method: string, path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`${desk.cloud.magnumUrl}${path}`, {
      method,
      ...init,
      headers: {
        'x-auth-token': await desk.session.token(),
        'openstack-api-version': 'container-infra latest',
        ...(init.headers as Record<string, string> | undefined),
      },
    });
  const json = { 'content-type': 'application/json' };

  it('stands beside another service of its type, under a type of its own', async () => {
    const url = 'http://127.0.0.1:9511/v1';
    desk = await MagnumDesk.open({ catalogExtras: [{ type: 'container-infra', name: 'cetus', url }] });
    assert.equal(await desk.session.endpoint('container-infra'), url);
    assert.equal(await desk.session.endpoint('container-infra-backend'), desk.cloud.magnumUrl);
  });

  it('is the one of its type otherwise', async () => {
    desk = await MagnumDesk.open();
    assert.equal(await desk.session.endpoint('container-infra'), desk.cloud.magnumUrl);
  });

  it('calls what is behind a cluster by another name from 1.13 on', async () => {
    desk = await MagnumDesk.open({ magnum: { maxMicroversion: 14 } });
    const uuid = await desk.create('c1');
    const { stack_id: stack } = await desk.reaches(uuid, 'CREATE_COMPLETE');
    const shown = async (version: string): Promise<Record<string, unknown>> => {
      const headers = { 'openstack-api-version': `container-infra ${version}` };
      return (await (await send('GET', `/clusters/${uuid}`, { headers })).json()) as Record<string, unknown>;
    };
    const [old, young] = [await shown('1.12'), await shown('1.13')];
    assert.deepEqual([old['stack_id'], old['cluster_id']], [stack, undefined]);
    assert.deepEqual([young['stack_id'], young['cluster_id']], [undefined, stack]);
  });

  it('takes what Magnum’s own client sends: slashes at the end, bodies that are none', async () => {
    desk = await MagnumDesk.open();
    const uuid = await desk.create('c1');
    await desk.reaches(uuid, 'CREATE_COMPLETE');
    assert.equal((await send('GET', `/clusters/${uuid}/nodegroups/?limit=1`)).status, 200);
    const headers = { 'content-type': 'application/octet-stream' };
    assert.equal((await send('PATCH', `/certificates/${uuid}`, { headers, body: '' })).status, 202);
    assert.equal((await send('DELETE', `/clusters/${uuid}`, { headers, body: '' })).status, 204);
  });

  it('slips where Magnum does', async () => {
    desk = await MagnumDesk.open();
    const uuid = await desk.create('c1');
    const { cluster_template_id: template } = await desk.reaches(uuid, 'CREATE_COMPLETE');
    const body = JSON.stringify({ cluster_template: template });
    const upgrade = await send('POST', `/clusters/${uuid}/actions/upgrade`, { headers: json, body });
    assert.equal(upgrade.status, 500);
    assert.match(await upgrade.text(), /Circular reference detected/);
    const wrong = JSON.stringify({ coe: 'kubernetes', image_id: 'x', public: 'perhaps' });
    await assert.rejects(send('POST', '/clustertemplates', { headers: json, body: wrong }), /fetch failed/);
    assert.equal((await send('POST', '/clustertemplates', { headers: json, body: '[]' })).status, 500);
  });

  it('refuses nothing aloud that the conductor decides', async () => {
    desk = await MagnumDesk.open();
    desk.cloud.control.set({ resources: { 'stack:c1-*': { create: { wait_secs: 0.5 } } } });
    const uuid = await desk.create('c1');
    await desk.reaches(uuid, 'CREATE_IN_PROGRESS');
    await desk.magnum.resizeCluster(uuid, { node_count: 3 });
    const made = await desk.reaches(uuid, 'CREATE_COMPLETE');
    assert.equal(made.node_count, 1);
  });
});
