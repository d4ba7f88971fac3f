import { strict as assert } from 'node:assert';
import { expectError } from '../support/answers.ts';
import { startApi, type TestApi } from '../support/api.ts';

type Operations = Record<string, { operationId: string }>;

const WEB = { name: 'web', image: 'nginx:1.27', ports: [{ port: 8080 }] };
const PORTS = { type: 'cluster_ip', ports: [{ port: 80, target_port: 8080 }] };

describe('api: applications of different tenants', () => {
  let api: TestApi;
  let cluster: string;
  let uuid: string;
  before(async () => {
    api = await startApi();
    cluster = await api.cluster({ name: 'prod' });
    uuid = await api.application({ name: 'mine', placements: [{ cluster }] });
  });
  after(() => api.close());

  const form = (more: object = {}): object => ({
    name: 'escape',
    kind: 'stateless',
    placements: [{ cluster: 'prod' }],
    containers: [WEB],
    ...more,
  });
  const post = (payload: object, token = 'member', url = '/v1/applications') =>
    api.request({ method: 'POST', url, payload, token });

  /** What the operations that have a body are sent, so that nothing is wrong but whose the application is. */
  const BODIES: Record<string, object> = {
    replaceApplication: { placements: [{ selector: { a: 'b' } }], containers: [WEB] },
    updateApplication: [{ op: 'replace', path: '/replicas', value: 0 }],
    scaleApplication: { replicas: 0 },
    rollbackApplication: {},
  };

  it('are not there for anybody else, by whatever route, reference and way to ask', async () => {
    const { paths } = (await api.request({ url: '/openapi.json' })).json<{
      paths: Record<string, Operations>;
    }>();
    const mine = Object.entries(paths).filter(([path]) => path.startsWith('/v1/applications/{ref}'));
    const asked = api.service.asked.length;
    const commands = api.commands.length;
    let tried = 0;
    for (const [path, operations] of mine)
      for (const [verb, { operationId }] of Object.entries(operations)) {
        // Those two are WebSockets: their refusals are tested with them.
        if (['execInApplication', 'attachToApplication'].includes(operationId)) continue;
        for (const ref of [uuid, uuid.toUpperCase(), 'mine'])
          for (const more of ['', `?cluster=${cluster}`]) {
            const url = path.replace('{ref}', ref).replace('{instance}', 'mine-1').replace('{number}', '1');
            assert.doesNotMatch(url, /[{}]/, 'the test knows all parameters');
            const needed = operationId === 'compareApplicationRevisions' ? '?against=1' : '';
            if (more !== '' && !path.includes('/instances') && !path.endsWith('/events')) continue;
            const answer = await api.request({
              method: verb.toUpperCase(),
              url: url + needed + more,
              token: 'other',
              ...(BODIES[operationId] === undefined ? {} : { payload: BODIES[operationId] }),
            });
            expectError(answer, 404, 'not_found');
            const unknown = answer.body.replace(/req-[0-9a-f-]+/, '').includes(cluster);
            assert.equal(unknown, false, 'nothing is told of it');
            tried += 1;
          }
      }
    assert.ok(tried > 50, String(tried));
    assert.equal(api.service.asked.length, asked, 'no cluster was asked anything');
    assert.equal(api.commands.length, commands, 'nothing was begun');
    const list = await api.request({ url: `/v1/applications?cluster=${cluster}`, token: 'other' });
    assert.deepEqual(list.json(), { applications: [] });
    for (const url of [`/v1/applications/${uuid}`, '/v1/applications'])
      expectError(await api.request({ url: `${url}?all_projects=true`, token: 'other' }), 403, 'forbidden');
  });

  it('are not brought into clusters of anybody else, also by an import or an action', async () => {
    const content = 'services:\n  web:\n    image: nginx\n';
    for (const ref of ['prod', cluster]) {
      const placements = [{ cluster: ref }];
      expectError(
        await post(form({ placements }), 'other'),
        400,
        'cluster_not_found',
        'placements/0/cluster',
      );
      const dry = await post(form({ placements }), 'other', '/v1/applications?dry_run=true');
      expectError(dry, 400, 'cluster_not_found', 'placements/0/cluster');
      const imported = { format: 'compose', content, placements };
      expectError(
        await post(imported, 'other', '/v1/applications/import'),
        400,
        'cluster_not_found',
        'placements/0/cluster',
      );
    }
    // A selector may say anything: it chooses of the project's own.
    const theirs = await post(form({ placements: [{ selector: {} }] }), 'other');
    assert.equal(theirs.statusCode, 202, theirs.body);
    const { uuid: own } = theirs.json<{ uuid: string }>();
    const moved = await api.request({
      method: 'PATCH',
      url: `/v1/applications/${own}`,
      token: 'other',
      payload: [{ op: 'replace', path: '/placements', value: [{ cluster }] }],
    });
    expectError(moved, 400, 'cluster_not_found', 'placements/0/cluster');
  });

  const container = (more: object): object => ({ containers: [{ ...WEB, ...more }] });
  const volume = (more: object): object => ({ volumes: [{ name: 'v', ...more }] });
  const exposure = (more: object): object => ({ exposure: { ...PORTS, ...more } });
  const ingress = (more: object): object => exposure({ ingress: { host: 'a.example.org', ...more } });

  /** What Kubernetes would take, and no tenant may say. */
  const ESCAPES: [field: string, more: object, code?: Parameters<typeof expectError>[2]][] = [
    // Of the pod.
    ...[
      'host_pid',
      'host_ipc',
      'host_users',
      'share_process_namespace',
      'automount_service_account_token',
    ].map((field): [string, object] => [field, { [field]: true }]),
    ...[
      'namespace',
      'node_name',
      'service_account',
      'service_account_name',
      'runtime_class',
      'dns_policy',
    ].map((field): [string, object] => [field, { [field]: 'kube-system' }]),
    ...['annotations', 'metadata', 'security_context', 'owner_references', 'finalizers', 'host_aliases'].map(
      (field): [string, object] => [
        field,
        { [field]: { 'container.apparmor.security.beta.kubernetes.io/web': 'unconfined' } },
      ],
    ),
    ['sysctls', { sysctls: [{ name: 'kernel.msgmax', value: '1' }] }],
    ['ephemeral_containers', { ephemeral_containers: [WEB] }],
    // Of a container.
    ...[
      'capabilities',
      'add_capabilities',
      'proc_mount',
      'allow_privilege_escalation',
      'seccomp_profile',
    ].map((field): [string, object] => [
      `containers/0/security/${field}`,
      container({ security: { [field]: 'x' } }),
    ]),
    ...['env_from', 'volume_devices', 'devices', 'lifecycle'].map((field): [string, object] => [
      `containers/0/${field}`,
      container({ [field]: [] }),
    ]),
    ['containers/0/ports/0/host_port', container({ ports: [{ port: 80, host_port: 80 }] })],
    ['containers/0/env/0/value_from', container({ env: [{ name: 'A', value_from: {} }] })],
    [
      'init_containers/0/security/privileged',
      { init_containers: [{ name: 'i', image: 'x', security: { privileged: true } }] },
      'host_access_denied',
    ],
    [
      'containers/0/mounts/0/sub_path',
      { ...container({ mounts: [{ secret: 's', path: '/s', sub_path: 'a/../../b' }] }) },
      'invalid_field',
    ],
    ...['../other', 'kube-system/admin', 'a%2Fb'].flatMap((name): typeof ESCAPES => [
      [
        'containers/0/mounts/0/secret',
        container({ mounts: [{ secret: name, path: '/s' }] }),
        'invalid_field',
      ],
      [
        'containers/0/env/0/secret/name',
        container({ env: [{ name: 'A', secret: { name, key: 'k' } }] }),
        'invalid_field',
      ],
      ['volumes/0/claim/name', volume({ claim: { name } }), 'invalid_field'],
      ['image_pull_secret/name', { image_pull_secret: { name } }, 'invalid_field'],
      ['exposure/ingress/tls_secret', ingress({ tls_secret: name }), 'invalid_field'],
    ]),
    // Volumes of others, and what is no volume of a tenant.
    ...['nfs', 'csi', 'projected', 'secret', 'config_map', 'cinder', 'flex_volume', 'downward_api'].map(
      (field): [string, object] => [`volumes/0/${field}`, volume({ [field]: {} })],
    ),
    ...['volume_name', 'selector', 'data_source'].map((field): [string, object] => [
      `volumes/0/claim_template/${field}`,
      volume({ claim_template: { size: '1Gi', [field]: 'pv-of-others' } }),
    ]),
    // Of Services and Ingresses.
    ...[
      'external_ips',
      'external_name',
      'load_balancer_ip',
      'load_balancer_class',
      'annotations',
      'selector',
    ].map((field): [string, object] => [`exposure/${field}`, exposure({ [field]: '10.0.0.1' })]),
    ['exposure/type', { exposure: { type: 'external_name' } }, 'invalid_field'],
    ...[
      'annotations',
      'configuration_snippet',
      'server_snippet',
      'auth_url',
      'default_backend',
      'service',
    ].map((field): [string, object] => [`exposure/ingress/${field}`, ingress({ [field]: 'x' })]),
    ...['', 'a b', 'a.example.org;x', 'a{}', '*', '*.*.org', 'A.example.org'].map(
      (host): [string, object, 'invalid_field'] => [
        'exposure/ingress/host',
        ingress({ host }),
        'invalid_field',
      ],
    ),
    ['exposure/ingress/path', ingress({ path: '/a\n}location' }), 'invalid_field'],
    // Of the scheduler.
    ...['node_name', 'affinity', 'scheduler_name', 'priority', 'preemption_policy'].map(
      (field): [string, object] => [`scheduling/${field}`, { scheduling: { [field]: 'x' } }],
    ),
    ...['system-node-critical', 'system-cluster-critical'].map((name): (typeof ESCAPES)[number] => [
      'scheduling/priority_class',
      { scheduling: { priority_class: name } },
      'invalid_field',
    ]),
    // What tells whose an object is.
    ...['app.kubernetes.io/managed-by', 'cetus.io/application', 'cetus.io/project'].map(
      (key): (typeof ESCAPES)[number] => [
        `labels/${key.replace('/', '~1')}`,
        { labels: { [key]: 'x' } },
        'invalid_field',
      ],
    ),
  ];

  for (const [field, more, code = 'unknown_field'] of ESCAPES)
    it(`say nothing of ${field}: ${JSON.stringify(more).slice(0, 100)}`, async () => {
      expectError(await post(form(more)), 400, code, field);
      const put = await api.request({
        method: 'PUT',
        url: `/v1/applications/${uuid}`,
        payload: { ...form(more), name: 'mine' },
      });
      expectError(put, 400, code, field);
    });

  it('say nothing more by what is different in a cluster', async () => {
    const overriding = (overrides: object): object => form({ placements: [{ cluster: 'prod', overrides }] });
    for (const [field, overrides, code] of [
      ['host_network', { host_network: true }, 'unknown_field'],
      ['volumes', { volumes: [] }, 'unknown_field'],
      ['namespace', { namespace: 'kube-system' }, 'unknown_field'],
      ['exposure/external_ips', { exposure: { ...PORTS, external_ips: [] } }, 'unknown_field'],
      ['scheduling/node_name', { scheduling: { node_name: 'a' } }, 'unknown_field'],
      [
        'scheduling/priority_class',
        { scheduling: { priority_class: 'system-node-critical' } },
        'invalid_field',
      ],
    ] as const)
      expectError(await post(overriding(overrides)), 400, code, `placements/0/overrides/${field}`);
  });

  it('get no more by an import than by a form', async () => {
    const API_VERSIONS: Record<string, string> = {
      Deployment: 'apps/v1',
      Ingress: 'networking.k8s.io/v1',
      ClusterRole: 'rbac.authorization.k8s.io/v1',
      ClusterRoleBinding: 'rbac.authorization.k8s.io/v1',
      CustomResourceDefinition: 'apiextensions.k8s.io/v1',
    };
    const object = (kind: string, name: string, more: object): object => ({
      apiVersion: API_VERSIONS[kind] ?? 'v1',
      kind,
      metadata: { name, namespace: 'kube-system', ...(more as { metadata?: object }).metadata },
      ...Object.fromEntries(Object.entries(more).filter(([key]) => key !== 'metadata')),
    });
    const deployment = (pod: object, container: object = {}): object =>
      object('Deployment', 'web', {
        metadata: { labels: { 'cetus.io/application': uuid, 'app.kubernetes.io/managed-by': 'cetus' } },
        spec: {
          selector: { matchLabels: { app: 'web' } },
          template: {
            metadata: {
              labels: { app: 'web', 'cetus.io/application': uuid },
              annotations: { 'container.apparmor.security.beta.kubernetes.io/web': 'unconfined' },
            },
            spec: { containers: [{ name: 'web', image: 'nginx', ...container }], ...pod },
          },
        },
      });
    const send = (objects: object[], query = '') =>
      post(
        {
          format: 'kubernetes',
          content: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }),
          placements: [{ cluster: 'prod' }],
        },
        'member',
        `/v1/applications/import${query}`,
      );
    const harmless = [
      deployment({
        nodeName: 'master',
        serviceAccountName: 'admin',
        hostPID: true,
        priorityClassName: 'system-x',
      }),
      object('Service', 'web', {
        spec: {
          selector: { app: 'web' },
          ports: [{ port: 80 }],
          externalIPs: ['10.0.0.1'],
          loadBalancerIP: '10.0.0.1',
          type: 'LoadBalancer',
        },
      }),
      object('Ingress', 'web', {
        metadata: {
          annotations: {
            'nginx.ingress.kubernetes.io/configuration-snippet': 'return 200;',
            'nginx.ingress.kubernetes.io/server-snippet': 'location /x {}',
            'nginx.ingress.kubernetes.io/auth-url': 'http://evil.example.org',
          },
        },
        spec: {
          rules: [
            {
              host: 'a.example.org',
              http: { paths: [{ path: '/', backend: { service: { name: 'web', port: { number: 80 } } } }] },
            },
          ],
        },
      }),
      ...[
        'ClusterRoleBinding',
        'ClusterRole',
        'PersistentVolume',
        'CustomResourceDefinition',
        'Namespace',
        'Node',
      ].map((kind) => object(kind, 'web', {})),
    ];
    const { applications, report } = (await send(harmless, '?dry_run=true')).json<{
      applications: { form: object; problems: object[] }[];
      report: { severity: string; source: string; path: string }[];
    }>();
    assert.equal(applications.length, 1);
    assert.deepEqual(applications[0]?.problems, []);
    assert.doesNotMatch(
      JSON.stringify(applications[0]?.form),
      /kube-system|unconfined|cetus\.io|managed-by|master|admin|10\.0\.0\.1|nginx\.ingress|evil|system-x|host_/,
    );
    const told = report.map(({ source, path }) => `${source} ${path}`).join('\n');
    for (const one of [
      /nodeName/,
      /serviceAccountName/,
      /hostPID/,
      /priorityClassName/,
      /externalIPs/,
      /loadBalancerIP/,
      /configuration-snippet/,
      /server-snippet/,
      /auth-url/,
      /ClusterRoleBinding/,
      /CustomResourceDefinition/,
      /Node\/web/,
    ])
      assert.match(told, one);
    for (const [pod, container, field] of [
      [{ hostNetwork: true }, {}, 'host_network'],
      [{}, { securityContext: { privileged: true } }, 'containers/0/security/privileged'],
      [
        { volumes: [{ name: 'v', hostPath: { path: '/' } }] },
        { volumeMounts: [{ name: 'v', mountPath: '/host' }] },
        'volumes/0/host_path',
      ],
    ] as const) {
      const refused = await send([deployment(pod, container)]);
      expectError(refused, 400, 'host_access_denied');
      assert.ok(refused.body.includes(field), refused.body);
    }
  });
});
