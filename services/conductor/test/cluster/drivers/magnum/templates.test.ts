import assert from 'node:assert/strict';
import type { ClusterSpec } from '@cetus/shared/schemas';
import { templateBody, templateName } from '../../../../src/cluster/drivers/magnum/templates.ts';
import { nodeGroup } from '../openstack/new-cluster.ts';

const spec = (overrides: Partial<ClusterSpec> = {}): ClusterSpec =>
  ({
    image_id: 'fedora-coreos-37',
    external_network_id: 'public',
    fixed_network: null,
    dns_nameserver: '8.8.8.8',
    floating_ip_enabled: true,
    master_lb_enabled: false,
    labels: { kube_tag: 'v1.23.3', b: '1', a: '2' },
    node_groups: [
      nodeGroup('default-master', { role: 'master', is_default: true, node_count: 1 }),
      nodeGroup('default-worker', {
        is_default: true,
        image_id: 'fedora-coreos-37',
        labels: { kube_tag: 'v1.24.1' },
      }),
    ],
    ...overrides,
  }) as unknown as ClusterSpec;

describe('the template of a cluster in Magnum', () => {
  it('says what was asked for, and nothing of what was not', () => {
    const body = templateBody(spec());
    assert.deepEqual(body.labels, { kube_tag: 'v1.24.1', b: '1', a: '2' });
    assert.equal(body.dns_nameserver, '8.8.8.8');
    assert.equal('fixed_network' in body, false);
  });

  it('has a load balancer where Magnum would refuse the masters without', () => {
    const masters = nodeGroup('default-master', { role: 'master', is_default: true, node_count: 3 });
    assert.equal(templateBody(spec()).master_lb_enabled, false);
    assert.equal(templateBody(spec({ node_groups: [masters] })).master_lb_enabled, true);
  });

  it('is known by a name that the same needs give, in whatever order they are said, and in one project', () => {
    const name = templateName('p1', templateBody(spec()));
    const again = templateBody(spec({ labels: { a: '2', b: '1', kube_tag: 'v1.23.3' } }));
    assert.equal(templateName('p1', again), name);
    assert.match(name, /^cetus-[0-9a-f]{32}$/);
    assert.notEqual(templateName('p2', again), name);
    assert.notEqual(templateName('p1', templateBody(spec({ labels: { a: '3' } }))), name);
  });
});
