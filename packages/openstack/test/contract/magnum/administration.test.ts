import assert from 'node:assert/strict';
import type { MagnumClient } from '../../../src/magnum.ts';
import { magnumContract } from './bench.ts';
import { refused } from './refusal.ts';

magnumContract('quotas and services', (bench) => {
  let admin: MagnumClient;
  let project: string;
  before(async () => {
    admin = bench.client(bench.cloud.session('admin', 'admin'));
    project = (await bench.cloud.session('demo2', 'demo2').identity()).projectId ?? '';
    await admin.deleteQuota(project);
  });

  it('sets, changes, lists and removes a project’s limit', async () => {
    const before = await admin.getQuota(project);
    assert.equal(before.project_id, project);
    assert.ok(before.hard_limit > 0);
    const made = await admin.createQuota(project, 900);
    assert.deepEqual([made.project_id, made.resource, made.hard_limit], [project, 'Cluster', 900]);
    await refused(admin.createQuota(project, 901), 409, /already exists/);
    assert.equal((await admin.setQuota(project, 1000)).hard_limit, 1000);
    assert.equal((await admin.getQuota(project)).hard_limit, 1000);
    const all = [];
    for await (const page of admin.listQuotas({ allTenants: true })) all.push(...page);
    assert.equal(all.find(({ project_id }) => project_id === project)?.hard_limit, 1000);
    await admin.deleteQuota(project);
    assert.equal((await admin.getQuota(project)).hard_limit, before.hard_limit);
    await refused(admin.setQuota(project, 5), 404, /Quota could not be found/);
    await admin.deleteQuota(project);
  });

  it('refuses a project that does not exist', async () => {
    await refused(admin.createQuota('0123456789abcdef0123456789abcdef', 1), 404, /project/i);
  });

  it('says which of its processes work, to administrators', async () => {
    const services = await admin.listServices();
    assert.ok(services.some(({ binary, state }) => binary === 'magnum-conductor' && state === 'up'));
    await refused(bench.magnum.listServices(), 403, /Policy doesn't allow/);
  });
});
