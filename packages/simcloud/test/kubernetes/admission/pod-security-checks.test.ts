import assert from 'node:assert/strict';
import { CHECKS, type PodShape } from '../../../src/kubernetes/admission/pod-security-checks.ts';

const found = (pod: Partial<PodShape>, level?: string): string[] =>
  CHECKS.filter((check) => level === undefined || check.level === level).flatMap((check) => {
    const violation = check.find({ annotations: {}, spec: {}, ...pod });
    return violation === undefined ? [] : [`${violation.reason} (${violation.detail})`];
  });
const ofContainers = (...contexts: object[]): Partial<PodShape> => ({
  spec: {
    containers: contexts.map((securityContext, index) => ({ name: `c${String(index)}`, securityContext })),
  },
});

describe('checks of pod security', () => {
  it('find what reaches out, in Kubernetes’ words', () => {
    const cases: [Partial<PodShape>, string][] = [
      [
        { annotations: { 'container.apparmor.security.beta.kubernetes.io/a': 'unconfined' } },
        'forbidden AppArmor profile (container.apparmor.security.beta.kubernetes.io/a="unconfined")',
      ],
      [
        ofContainers({ procMount: 'Unmasked' }),
        'procMount (container "c0" must not set securityContext.procMount to "Unmasked")',
      ],
      [
        ofContainers({ seLinuxOptions: { type: 'foo' } }, { seLinuxOptions: { type: 'bar', user: 'u' } }),
        'seLinuxOptions (containers "c0", "c1" set forbidden securityContext.seLinuxOptions: types "bar", "foo"; user may not be set)',
      ],
      [
        ofContainers({ windowsOptions: { hostProcess: true } }),
        'hostProcess (container "c0" must not set securityContext.windowsOptions.hostProcess=true)',
      ],
      [
        ofContainers({ privileged: true }, { privileged: true }),
        'privileged (containers "c0", "c1" must not set securityContext.privileged=true)',
      ],
      [
        {
          spec: {
            volumes: [
              { name: 'a', hostPath: {} },
              { name: 'b', hostPath: {} },
            ],
          },
        },
        'hostPath volumes (volumes "a", "b")',
      ],
      [
        {
          spec: {
            initContainers: [{ name: 'i', ports: [{ hostPort: 9 }] }],
            containers: [{ name: 'c', ports: [{ hostPort: 8 }] }],
          },
        },
        'hostPort (containers "i", "c" use hostPorts 8, 9)',
      ],
      [
        {
          spec: {
            securityContext: { seccompProfile: { type: 'Unconfined' } },
            containers: [{ name: 'c', securityContext: { seccompProfile: { type: 'Unconfined' } } }],
          },
        },
        'seccompProfile (pod and container "c" must not set securityContext.seccompProfile.type to "Unconfined")',
      ],
    ];
    for (const [pod, text] of cases) assert.deepEqual(found(pod, 'baseline'), [text]);
  });

  it('let pass what is allowed', () => {
    const spec = {
      securityContext: {
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
        seLinuxOptions: { type: 'container_t' },
        sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: '1' }],
      },
      containers: [
        {
          name: 'c',
          ports: [{ containerPort: 80, hostPort: 0 }],
          securityContext: {
            allowPrivilegeEscalation: false,
            procMount: 'Default',
            capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] },
          },
        },
      ],
      volumes: [
        { name: 'v', emptyDir: {} },
        { name: 'w', persistentVolumeClaim: { claimName: 'w' } },
      ],
    };
    const annotations = { 'container.apparmor.security.beta.kubernetes.io/c': 'runtime/default' };
    assert.deepEqual(found({ spec, annotations }), []);
  });

  it('tell a pod that says no from one that says nothing', () => {
    assert.ok(
      found({ spec: { securityContext: { runAsNonRoot: false }, containers: [{ name: 'c' }] } }).includes(
        'runAsNonRoot != true (pod must not set securityContext.runAsNonRoot=false)',
      ),
    );
    const some = {
      spec: { containers: [{ name: 'a', securityContext: { runAsNonRoot: true } }, { name: 'b' }] },
    };
    assert.ok(
      found(some).includes(
        'runAsNonRoot != true (pod or container "b" must set securityContext.runAsNonRoot=true)',
      ),
    );
  });
});
