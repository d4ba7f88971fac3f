import assert from 'node:assert/strict';
import { type Container } from '../../src/schemas/index.ts';
import { fields, refuses, web } from './problems-of.ts';

describe('what in the parts of a form’s pods does not go together', () => {
  it('of containers are names, ports, variables and mounts that are there twice', () => {
    const two = (a: Partial<Container>, b: Partial<Container>) => ({
      containers: [
        { name: 'a', image: 'x', ...a },
        { name: 'b', image: 'x', ...b },
      ],
    });
    refuses([
      ['stateless', two({}, { name: 'a' }), ['containers/1/name']],
      [
        'stateless',
        { ...web({}), init_containers: [{ name: 'web', image: 'x' }] },
        ['init_containers/0/name'],
      ],
      [
        'stateless',
        two({ ports: [{ name: 'http', port: 80 }] }, { ports: [{ name: 'http', port: 81 }] }),
        ['containers/1/ports/0/name'],
      ],
      ['stateless', web({ ports: [{ port: 80 }, { port: 80 }] }), ['containers/0/ports/1/port']],
      ['stateless', web({ ports: [{ port: 80 }, { port: 80, protocol: 'UDP' }] }), []],
      ['stateless', web({ ports: [{ name: '80', port: 80 }] }), ['containers/0/ports/0/name']],
      ['stateless', web({ ports: [{ name: 'a--b', port: 80 }] }), ['containers/0/ports/0/name']],
      [
        'stateless',
        web({
          env: [
            { name: 'A', value: '' },
            { name: 'B', value: '' },
            { name: 'A', value: '' },
          ],
        }),
        ['containers/0/env/2/name'],
      ],
      [
        'stateless',
        web({
          mounts: [
            { secret: 'a', path: '/a' },
            { secret: 'b', path: '/a' },
          ],
        }),
        ['containers/0/mounts/1/path'],
      ],
    ]);
  });

  it('of a container are choices that are none, and references to what is not there', () => {
    refuses([
      ['stateless', web({ env: [{ name: 'A' }] }), ['containers/0/env/0']],
      [
        'stateless',
        web({ env: [{ name: 'A', value: '', secret: { name: 's', key: 'k' } }] }),
        ['containers/0/env/0'],
      ],
      ['stateless', web({ mounts: [{ path: '/a' }] }), ['containers/0/mounts/0']],
      [
        'stateless',
        web({ mounts: [{ secret: 's', volume: 'v', path: '/a' }] }),
        ['containers/0/mounts/0', 'containers/0/mounts/0/volume'],
      ],
      ['stateless', web({ mounts: [{ config: 'c', path: '/a' }] }), ['containers/0/mounts/0/config']],
      ['stateless', web({ mounts: [{ volume: 'v', path: '/a' }] }), ['containers/0/mounts/0/volume']],
      ['stateless', web({ mounts: [{ secret: 'somebody.elses', path: '/a' }] }), []],
      [
        'stateless',
        {
          ...web({
            mounts: [
              { config: 'c', path: '/c' },
              { volume: 'v', path: '/v' },
            ],
          }),
          config_files: [{ name: 'c', files: { f: '' } }],
          volumes: [{ name: 'v', empty_dir: {} }],
        },
        [],
      ],
      ['stateless', web({ liveness_probe: {} }), ['containers/0/liveness_probe']],
      [
        'stateless',
        web({ startup_probe: { http: { port: 1 }, tcp: { port: 1 } } }),
        ['containers/0/startup_probe'],
      ],
      [
        'stateless',
        web({ liveness_probe: { tcp: { port: 1 }, success_threshold: 2 } }),
        ['containers/0/liveness_probe/success_threshold'],
      ],
      ['stateless', web({ readiness_probe: { tcp: { port: 1 }, success_threshold: 2 } }), []],
      [
        'stateless',
        web({ resources: { requests: { cpu: '2' }, limits: { cpu: '1999m' } } }),
        ['containers/0/resources/requests/cpu'],
      ],
      [
        'stateless',
        web({ resources: { requests: { memory: '1Gi' }, limits: { memory: '1G' } } }),
        ['containers/0/resources/requests/memory'],
      ],
      [
        'stateless',
        web({ resources: { limits: { memory: '8Ei' } } }),
        ['containers/0/resources/limits/memory'],
      ],
      [
        'stateless',
        web({ security: { run_as_non_root: true, run_as_user: 0 } }),
        ['containers/0/security/run_as_user'],
      ],
    ]);
  });

  it('of volumes, files and secrets are names that are there twice, sizes and sources', () => {
    const big = 'x'.repeat(524_289);
    refuses([
      ['stateless', { volumes: [{ name: 'v' }] }, ['volumes/0']],
      ['stateless', { volumes: [{ name: 'v', empty_dir: {}, claim: { name: 'c' } }] }, ['volumes/0']],
      [
        'stateless',
        {
          volumes: [
            { name: 'v', empty_dir: {} },
            { name: 'v', empty_dir: {} },
          ],
        },
        ['volumes/1/name'],
      ],
      [
        'stateful',
        { volumes: [{ name: 'v', claim_template: { size: '0Gi' } }] },
        ['volumes/0/claim_template/size'],
      ],
      ['stateful', { volumes: [{ name: 'v', claim_template: { size: '9E' } }] }, []],
      [
        'stateful',
        { volumes: [{ name: 'v', claim_template: { size: '10E' } }] },
        ['volumes/0/claim_template/size'],
      ],
      [
        'stateless',
        {
          config_files: [
            { name: 'c', files: { a: '' } },
            { name: 'c', files: { a: '' } },
          ],
        },
        ['config_files/1/name'],
      ],
      ['stateless', { config_files: [{ name: 'c', files: { a: big, b: big } }] }, ['config_files/0/files']],
      [
        'stateless',
        {
          config_files: [
            { name: 'c', files: { a: big } },
            { name: 'd', files: { a: big } },
          ],
        },
        [],
      ],
      // Bytes count, not characters.
      ['stateless', { config_files: [{ name: 'c', files: { a: 'ä'.repeat(524_288) } }] }, []],
      [
        'stateless',
        { config_files: [{ name: 'c', files: { a: 'ä'.repeat(524_289) } }] },
        ['config_files/0/files'],
      ],
      ['stateless', { secrets: [{ name: 's', values: { a: big, b: big } }] }, ['secrets/0/values']],
      ['stateless', { secrets: [{ name: 's' }, { name: 's' }] }, ['secrets/1/name']],
      ['stateless', { secrets: [{ name: 'pull' }] }, []],
      [
        'stateless',
        { secrets: [{ name: 'pull' }], image_pull_secret: { registry: 'r', username: 'u' } },
        ['secrets/0/name'],
      ],
      ['stateless', { image_pull_secret: {} }, ['image_pull_secret']],
      ['stateless', { image_pull_secret: { name: 'n' } }, []],
      ['stateless', { image_pull_secret: { name: 'n', password: 'p' } }, ['image_pull_secret/password']],
      ['stateless', { image_pull_secret: { registry: 'r' } }, ['image_pull_secret/username']],
      [
        'stateless',
        { image_pull_secret: { password: 'p' } },
        ['image_pull_secret/registry', 'image_pull_secret/username'],
      ],
    ]);
  });

  it('of an exposure are ports that are not there, not named, there twice, or an ingress to none', () => {
    const exposed = (more: object) => ({
      exposure: { type: 'cluster_ip' as const, ports: [{ port: 80 }], ...more },
    });
    refuses([
      ['stateless', { exposure: { type: 'none' } }, []],
      ['stateless', exposed({ ports: [{ port: 80 }, { port: 81, name: 'b' }] }), ['exposure/ports/0/name']],
      [
        'stateless',
        exposed({
          ports: [
            { port: 80, name: 'a' },
            { port: 81, name: 'a' },
          ],
        }),
        ['exposure/ports/1/name'],
      ],
      [
        'stateless',
        exposed({
          ports: [
            { port: 80, name: 'a' },
            { port: 80, name: 'b' },
          ],
        }),
        ['exposure/ports/1/port'],
      ],
      [
        'stateless',
        exposed({
          ports: [
            { port: 53, name: 'a' },
            { port: 53, name: 'b', protocol: 'UDP' },
          ],
        }),
        [],
      ],
      [
        'stateless',
        exposed({ ports: [{ port: 80, target_port: 'http' }] }),
        ['exposure/ports/0/target_port'],
      ],
      [
        'stateless',
        {
          ...exposed({ ports: [{ port: 80, target_port: 'http' }] }),
          ...web({ ports: [{ name: 'http', port: 8080 }] }),
        },
        [],
      ],
      ['stateless', exposed({ ports: [{ port: 80, node_port: 30000 }] }), ['exposure/ports/0/node_port']],
      ['stateless', exposed({ type: 'node_port', ports: [{ port: 80, node_port: 30000 }] }), []],
      [
        'stateless',
        exposed({
          type: 'load_balancer',
          ports: [
            { port: 80, name: 'a', node_port: 30000 },
            { port: 81, name: 'b', node_port: 30000 },
          ],
        }),
        ['exposure/ports/1/node_port'],
      ],
      ['stateless', exposed({ ingress: { host: 'h' } }), []],
      ['stateless', exposed({ ingress: { host: 'h', port: 81 } }), ['exposure/ingress/port']],
      ['stateless', { exposure: { type: 'none', ingress: { host: 'h' } } }, ['exposure/ingress']],
      [
        'stateless',
        exposed({ ports: [{ port: 80, protocol: 'UDP' }], ingress: { host: 'h' } }),
        ['exposure/ingress/port'],
      ],
      ['stateless', exposed({ ingress: { host: '10.0.0.1' } }), ['exposure/ingress/host']],
      ['stateless', exposed({ ingress: { host: 'h', path: '/a//b' } }), ['exposure/ingress/path']],
      ['stateless', exposed({ ingress: { host: 'h', path: '/a/../b' } }), ['exposure/ingress/path']],
      ['stateless', exposed({ ingress: { host: 'h', path: '/a..b/' } }), []],
    ]);
  });

  it('of tolerations are fields that Kubernetes refuses together', () => {
    const tolerations = (one: object) => ({ scheduling: { tolerations: [one] } });
    refuses([
      ['stateless', tolerations({}), ['scheduling/tolerations/0/operator']],
      ['stateless', tolerations({ operator: 'Exists' }), []],
      [
        'stateless',
        tolerations({ key: 'a', operator: 'Exists', value: 'b' }),
        ['scheduling/tolerations/0/value'],
      ],
      [
        'stateless',
        tolerations({ key: 'a', toleration_seconds: 1 }),
        ['scheduling/tolerations/0/toleration_seconds'],
      ],
      ['stateless', tolerations({ key: 'a', effect: 'NoExecute', toleration_seconds: 1 }), []],
    ]);
  });

  it('of priorities are those that keep the cluster itself going', () => {
    const priority = (priority_class: string) => ({ scheduling: { priority_class } });
    for (const name of ['system-node-critical', 'system-cluster-critical', 'system-x'])
      assert.deepEqual(fields('stateless', priority(name)), ['scheduling/priority_class'], name);
    assert.deepEqual(
      fields('stateless', { placements: [{ cluster: 'c', overrides: priority('system-node-critical') }] }),
      ['placements/0/overrides/scheduling/priority_class'],
    );
    for (const name of ['high', 'systematic'])
      assert.deepEqual(fields('stateless', priority(name)), [], name);
  });
});
