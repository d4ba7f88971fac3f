import assert from 'node:assert/strict';
import { applicable } from '../src/applicable.ts';

describe('applicable manifests', () => {
  it('have whole keys, and quantities that are texts', () => {
    const service = { kind: 'Service', spec: { ports: [{ port: 80 }, { port: 53, protocol: 'UDP' }] } };
    assert.deepEqual(applicable(service).spec.ports, [
      { port: 80, protocol: 'TCP' },
      { port: 53, protocol: 'UDP' },
    ]);
    const pod = {
      kind: 'Pod',
      spec: {
        containers: [{ ports: [{ containerPort: 80 }], resources: { limits: { cpu: 0.5, memory: '1Gi' } } }],
      },
    };
    const before = structuredClone(pod);
    assert.deepEqual(applicable(pod).spec.containers, [
      {
        ports: [{ containerPort: 80, protocol: 'TCP' }],
        resources: { limits: { cpu: '0.5', memory: '1Gi' } },
      },
    ]);
    assert.deepEqual(pod, before);
  });

  it('are the same otherwise', () => {
    const policy = {
      kind: 'NetworkPolicy',
      spec: { ingress: [{ ports: [{ port: 80 }] }], replicas: 1, none: null },
    };
    assert.deepEqual(applicable(policy), policy);
  });
});
