import assert from 'node:assert/strict';
import { applyObject } from '../../src/apply.ts';
import { MERGE_PATCH } from '../../src/connection.ts';
import { kubernetesContract, refusal, sinceMinor, type Thing } from './bench.ts';

kubernetesContract('pod security', (bench) => {
  sinceMinor(bench, 23);
  const dry = { dryRun: 'All' };
  const label = (labels: Record<string, string | null>): Promise<Thing> =>
    bench.patch(
      `/api/v1/namespaces/${bench.namespace}`,
      {
        metadata: {
          labels: Object.fromEntries(
            Object.entries(labels).map(([mode, value]) => [`pod-security.kubernetes.io/${mode}`, value]),
          ),
        },
      },
      { type: MERGE_PATCH },
    );
  const spec = (pod: object = {}, container: object = {}): object => ({
    ...pod,
    containers: [{ name: 'web', image: bench.cluster.image, ...container }],
  });
  const tryPod = (pod?: object, container?: object): Promise<Thing> =>
    bench.post(bench.path('pods'), { metadata: { name: 'x' }, spec: spec(pod, container) }, dry);
  const refused = async (promise: Promise<unknown>): Promise<string> => {
    const error = await refusal(promise, 403, 'Forbidden');
    assert.deepEqual(error.details, { name: 'x', kind: 'pods' });
    const [, found = ''] = /^pods "x" is forbidden: violates PodSecurity (.*)$/.exec(error.message) ?? [];
    return found;
  };
  const CAREFUL = {
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
  };
  const CAREFUL_POD = { securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } } };

  it('lets everything pass where nothing is said, or privileged is', async () => {
    await tryPod({ hostNetwork: true, hostPID: true }, { securityContext: { privileged: true } });
    await label({ enforce: 'privileged' });
    await tryPod({ hostNetwork: true, hostPID: true }, { securityContext: { privileged: true } });
  });

  it('refuses by the baseline what reaches out of the pod', async () => {
    await label({ enforce: 'baseline' });
    await tryPod();
    const cases: [object, object, string][] = [
      [{ hostNetwork: true, hostPID: true }, {}, 'host namespaces (hostNetwork=true, hostPID=true)'],
      [
        {},
        { securityContext: { privileged: true } },
        'privileged (container "web" must not set securityContext.privileged=true)',
      ],
      [{ volumes: [{ name: 'root', hostPath: { path: '/' } }] }, {}, 'hostPath volumes (volume "root")'],
      [
        {},
        { ports: [{ containerPort: 80, hostPort: 8080 }] },
        'hostPort (container "web" uses hostPort 8080)',
      ],
      [
        {},
        { securityContext: { capabilities: { add: ['NET_ADMIN', 'CHOWN'] } } },
        'non-default capabilities (container "web" must not include "NET_ADMIN" in securityContext.capabilities.add)',
      ],
      [
        { securityContext: { seccompProfile: { type: 'Unconfined' } } },
        {},
        'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")',
      ],
      [
        { securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] } },
        {},
        'forbidden sysctls (kernel.msgmax)',
      ],
    ];
    for (const [pod, container, found] of cases)
      assert.equal(await refused(tryPod(pod, container)), `"baseline:latest": ${found}`);
    const both = await refused(tryPod({ hostIPC: true }, { securityContext: { privileged: true } }));
    assert.equal(
      both,
      '"baseline:latest": host namespaces (hostIPC=true), privileged (container "web" must not set securityContext.privileged=true)',
    );
  });

  it('asks of restricted pods to be careful', async () => {
    await label({ enforce: 'restricted' });
    assert.equal(
      await refused(tryPod()),
      '"restricted:latest": allowPrivilegeEscalation != false (container "web" must set securityContext.allowPrivilegeEscalation=false), ' +
        'unrestricted capabilities (container "web" must set securityContext.capabilities.drop=["ALL"]), ' +
        'runAsNonRoot != true (pod or container "web" must set securityContext.runAsNonRoot=true), ' +
        'seccompProfile (pod or container "web" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
    );
    await tryPod(CAREFUL_POD, CAREFUL);
    const root = { securityContext: { ...CAREFUL.securityContext, runAsUser: 0 } };
    assert.equal(
      await refused(tryPod(CAREFUL_POD, root)),
      '"restricted:latest": runAsUser=0 (container "web" must not set runAsUser=0)',
    );
    const volumes = [{ name: 'root', hostPath: { path: '/' } }];
    assert.equal(
      await refused(tryPod({ ...CAREFUL_POD, volumes }, CAREFUL)),
      '"restricted:latest": restricted volume types (volume "root" uses restricted volume type "hostPath")',
    );
    await label({ 'enforce-version': 'v1.25' });
    assert.match(await refused(tryPod()), /^"restricted:v1\.25": /);
    await label({ 'enforce-version': null });
  });

  it('warns of a workload, whose pods are refused then', async () => {
    await label({ enforce: 'baseline', warn: 'baseline' });
    const labels = { app: 'x' };
    const deployment = {
      metadata: { name: 'x' },
      spec: {
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: spec({ hostNetwork: true }) },
      },
    };
    const path = bench.path('deployments', '/apis/apps/v1');
    const found = 'violate PodSecurity "baseline:latest": host namespaces (hostNetwork=true)';
    const { headers } = await bench.connection.request('POST', path, { body: deployment });
    assert.equal(headers['warning'], `299 - ${JSON.stringify(`would ${found}`)}`);
    const manifest = { apiVersion: 'apps/v1', kind: 'Deployment', ...deployment };
    Object.assign(manifest.metadata, { namespace: bench.namespace });
    const { warnings } = await applyObject(bench.connection, manifest, { dryRun: true, force: true });
    assert.deepEqual(warnings, [`would ${found}`]);
    const failed = await bench.until(`${path}/x`, ({ status }) =>
      status?.conditions?.find((one: { type: string }) => one.type === 'ReplicaFailure'),
    );
    const failure = failed['status'].conditions.find(
      (one: { type: string }) => one.type === 'ReplicaFailure',
    );
    assert.deepEqual([failure.status, failure.reason], ['True', 'FailedCreate']);
    assert.match(
      failure.message,
      /^pods "x-[a-z0-9-]+" is forbidden: violates PodSecurity "baseline:latest": host namespaces/,
    );
    await bench.delete(`${path}/x`, { propagationPolicy: 'Foreground' });
    await bench.gone(`${path}/x`);
    await label({ enforce: null, warn: 'restricted' });
    const answer = await bench.connection.request('POST', bench.path('pods'), {
      body: { metadata: { name: 'x' }, spec: spec(CAREFUL_POD, {}) },
      query: dry,
    });
    assert.match(String(answer.headers['warning']), /would violate PodSecurity \\"restricted:latest\\"/);
  });

  it('takes no level that it does not know', async () => {
    const error = await refusal(label({ enforce: 'strict' }), 422, 'Invalid');
    assert.deepEqual(
      error.details?.causes?.map(({ field }) => field),
      ['metadata.labels[pod-security.kubernetes.io/enforce]'],
    );
  });
});
