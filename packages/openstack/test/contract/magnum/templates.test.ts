import assert from 'node:assert/strict';
import { OpenStackError } from '../../../src/errors.ts';
import type { CreateMagnumTemplate, MagnumTemplate } from '../../../src/magnum.ts';
import { uniqueName } from '../targets.ts';
import { magnumContract, PARTS } from './bench.ts';
import { refused } from './refusal.ts';

magnumContract('cluster templates', (bench) => {
  it('makes one, with what was not said filled in', async () => {
    const name = uniqueName('contract');
    const template = await bench.template({
      name,
      dns_nameserver: '127.0.0.53',
      labels: { kube_tag: 'v1.23.3' },
    });
    const { projectId } = await bench.session.identity();
    assert.equal(template.name, name);
    assert.equal(template.coe, 'kubernetes');
    assert.equal(template.cluster_distro, 'fedora-coreos');
    assert.equal(template.server_type, 'vm');
    assert.equal(template.docker_storage_driver, null);
    assert.equal(template.dns_nameserver, '127.0.0.53');
    assert.deepEqual(template.labels, { kube_tag: 'v1.23.3' });
    assert.equal(template.image_id, 'fedora-coreos-37');
    assert.equal(template.external_network_id, 'public');
    assert.equal(template.fixed_network, null);
    assert.equal(template.floating_ip_enabled, true);
    for (const key of ['master_lb_enabled', 'tls_disabled', 'registry_enabled', 'public', 'hidden'] as const)
      assert.equal(template[key], false, key);
    assert.equal(template.project_id, projectId);
    assert.equal(template.updated_at, null);
    assert.deepEqual(await bench.magnum.getTemplate(template.uuid).then(timeless), timeless(template));
    assert.equal((await bench.magnum.getTemplate(name))?.uuid, template.uuid);
  });

  it('lists them page by page, only the project’s', async () => {
    const made: string[] = [];
    for (let index = 0; index < 3; index += 1) made.push((await bench.template()).uuid);
    const seen: string[] = [];
    for await (const page of bench.magnum.listTemplates({ limit: 2 })) {
      assert.ok(page.length <= 2);
      seen.push(...page.map(({ uuid }) => uuid));
    }
    assert.equal(new Set(seen).size, seen.length);
    assert.deepEqual(
      seen.filter((uuid) => made.includes(uuid)),
      made,
    );
    const other = bench.client(bench.cloud.session('demo2', 'demo2'));
    for await (const page of other.listTemplates()) assert.ok(page.every(({ uuid }) => !made.includes(uuid)));
    assert.equal(await other.getTemplate(made[0]!), null);
  });

  it('changes one, deletes one, and does not mind deleting it twice', async () => {
    const template = await bench.template();
    const patched = await bench.magnum.patchTemplate(template.uuid, [
      { op: 'replace', path: '/dns_nameserver', value: '127.0.0.54' },
      { op: 'replace', path: '/labels', value: { kube_tag: 'v1.24.1' } },
    ]);
    assert.equal(patched.dns_nameserver, '127.0.0.54');
    assert.deepEqual(patched.labels, { kube_tag: 'v1.24.1' });
    assert.deepEqual((await bench.magnum.getTemplate(template.uuid))?.labels, { kube_tag: 'v1.24.1' });
    await bench.magnum.deleteTemplate(template.uuid);
    assert.equal(await bench.magnum.getTemplate(template.uuid), null);
    await bench.magnum.deleteTemplate(template.uuid);
  });

  it('takes a name twice; then the name alone names nothing', async () => {
    const name = uniqueName('contract');
    await bench.template({ name });
    await bench.template({ name });
    await assert.rejects(
      bench.magnum.getTemplate(name),
      (error) => error instanceof OpenStackError && error.status === 409,
    );
  });

  const refusals: {
    what: string;
    template: Partial<CreateMagnumTemplate>;
    status: number;
    reason: RegExp;
  }[] = [
    {
      what: 'an unknown flavor',
      template: { flavor_id: 'no-such' },
      status: 400,
      reason: /Unable to find flavor no-such/,
    },
    { what: 'an unknown image', template: { image_id: 'no-such' }, status: 400, reason: /not supported/ },
    {
      what: 'an image that does not say its system',
      template: { image_id: 'no-distro' },
      status: 400,
      reason: /not supported/,
    },
    {
      what: 'a system no driver serves',
      template: { image_id: 'ubuntu-22.04' },
      status: 400,
      reason: /Cluster type \(vm, ubuntu, kubernetes\) not supported/,
    },
    {
      what: 'an unknown external network',
      template: { external_network_id: 'no-such' },
      status: 400,
      reason: /no-such/,
    },
    {
      what: 'an unknown network driver',
      template: { network_driver: 'no-such' },
      status: 400,
      reason: /no-such/,
    },
    { what: 'an unknown engine', template: { coe: 'no-such' }, status: 400, reason: /no-such/ },
    { what: 'being public, by a member', template: { public: true }, status: 403, reason: /public/i },
  ];
  for (const { what, template, status, reason } of refusals) {
    it(`refuses ${what}`, async () => {
      await refused(
        bench.magnum.createTemplate({ ...PARTS, name: uniqueName('bad'), ...template }),
        status,
        reason,
      );
    });
  }

  it('refuses a patch of what is not there', async () => {
    const template = await bench.template();
    const patch = [{ op: 'replace' as const, path: '/no_such', value: 1 }];
    await assert.rejects(
      bench.magnum.patchTemplate(template.uuid, patch),
      (error) => error instanceof OpenStackError && error.status === 400,
    );
  });
});

/** Magnum's times have fractions in the answer to the POST alone. */
function timeless(template: MagnumTemplate | null): unknown {
  const { created_at: _, ...rest } = template ?? ({} as MagnumTemplate);
  return rest;
}
