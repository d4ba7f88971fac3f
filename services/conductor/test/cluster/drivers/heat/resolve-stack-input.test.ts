import assert from 'node:assert/strict';
import { InvalidStackInputError } from '../../../../src/cluster/drivers/heat/errors.ts';
import { resolveStackInput } from '../../../../src/cluster/drivers/heat/resolve-stack-input.ts';
import { makeGroup, makeInput } from './support.ts';

describe('the input of a stack', () => {
  it('gets its defaults', () => {
    const input = resolveStackInput(makeInput());
    assert.equal(input.nodeCidr, '10.0.0.0/20');
    assert.equal(input.bootstrapTimeoutSeconds, 1800);
    assert.equal(input.waitForBootstrap, true);
    assert.equal(input.masterAffinityPolicy, 'soft-anti-affinity');
    assert.equal(input.loadBalanced, false);
    assert.equal(input.masters.kubeMinor, 33);
  });

  const rows: [field: string, overrides: Record<string, unknown>][] = [
    ['uuid', { uuid: 'x"; reboot' }],
    ['masterCount', { masterCount: 2 }],
    ['nodeCount', { nodeCount: -1 }],
    ['nodeCount', { nodeCount: 1.5 }],
    ['apiserverPort', { apiserverPort: 65_536 }],
    ['externalNetwork', { externalNetwork: '' }],
    ['fixedSubnet', { fixedSubnet: 'subnet' }],
    ['etcdVolumeSize', { etcdVolumeSize: 0 }],
    ['bootVolumeType', { nodes: { bootVolumeType: 'ssd' } }],
    ['kubeTag', { nodes: { kubeTag: 'latest' } }],
    ['kubeTag', { nodes: { kubeTag: 'v1.24.9' } }],
    ['nodeLabels', { nodes: { nodeLabels: { 'a b': 'c' } } }],
    ['nodeLabels', { nodes: { nodeLabels: { a: 'x,y=z' } } }],
    ['nodeLabels', { nodes: { nodeLabels: { 'node-role.kubernetes.io/gpu': '' } } }],
    ['nodeTaints', { nodes: { nodeTaints: [{ key: 'a', value: '"; reboot', effect: 'NoExecute' }] } }],
    ['key', { groups: [makeGroup()] }],
    ['key', { groups: [makeGroup({ key: '../x' })] }],
    ['podCidr', { podCidr: '10.100.0.0' }],
    ['podCidr', { podCidr: '10.100.0.0/33' }],
    ['podCidr', { podCidr: '10.100.0.0/22', nodeCount: 4 }],
    ['podCidr', { podCidr: '10.100.0.0/22', groups: [makeGroup({ key: 'c0ffee000001' })] }],
    ['serviceCidr', { serviceCidr: '10.100.128.0/20' }],
    ['nodeCidr', { nodeCidr: '10.254.3.0/24' }],
    ['dnsNameservers', { dnsNameservers: ['dns.example'] }],
    ['httpProxy', { httpProxy: 'socks5://proxy' }],
    ['httpProxy', { httpProxy: 'http://proxy\nreboot' }],
    ['noProxy', { noProxy: 'a b' }],
    ['imageRepository', { imageRepository: 'https://registry' }],
    ['insecureRegistry', { insecureRegistry: '../../etc' }],
    ['sshPublicKey', { sshPublicKey: 'ssh-rsa AAAA\nssh-rsa BBBB' }],
    ['bootstrapTimeoutSeconds', { bootstrapTimeoutSeconds: 0 }],
  ];

  for (const [field, overrides] of rows) {
    it(`is refused for ${field} ${JSON.stringify(Object.values(overrides)[0])}, naming it`, () => {
      assert.throws(
        () => resolveStackInput(makeInput(overrides)),
        (error) =>
          error instanceof InvalidStackInputError && error.field === field && error.message.startsWith(field),
      );
    });
  }

  it('does not look at the range of a subnet that is not made', () => {
    assert.doesNotThrow(() =>
      resolveStackInput(makeInput({ nodeCidr: '10.100.0.0/16', fixedNetwork: 'mine' })),
    );
  });
});
