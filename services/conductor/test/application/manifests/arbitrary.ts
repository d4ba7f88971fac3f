import { APPLICATION_KINDS, MAX_REPLICAS, type ApplicationSpec, type Overrides } from '@cetus/shared/schemas';
import fc from 'fast-check';
import { plainSpec } from './inputs.ts';

/** A name of a part: of all lengths that are taken, those at the end too. */
const partName = (maxLength: number) =>
  fc
    .stringMatching(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, { maxLength })
    .filter((name) => name.length <= maxLength);

export const applicationName = fc
  .stringMatching(/^[a-z]([a-z0-9-]*[a-z0-9])?$/, { maxLength: 40 })
  .filter((name) => name.length <= 40);

const objectName = fc
  .array(partName(20), { minLength: 1, maxLength: 12 })
  .map((parts) =>
    parts
      .join('.')
      .slice(0, 253)
      .replace(/[.-]+$/, ''),
  )
  .filter((name) => name !== '');

const amount = fc
  .tuple(fc.integer({ min: 1, max: 4096 }), fc.constantFrom('', 'm', 'k', 'M', 'Mi', 'Gi'))
  .map(([number, suffix]) => `${String(number)}${suffix}`);

const label = fc.stringMatching(/^[A-Za-z0-9]{1,10}$/);

/** What may be asked of an application, in which `problemsOf` finds nothing. */
export const spec: fc.Arbitrary<ApplicationSpec> = fc
  .record({
    kind: fc.constantFrom(...APPLICATION_KINDS),
    names: fc.uniqueArray(partName(63), { minLength: 1, maxLength: 4 }),
    inits: fc.nat(2),
    configs: fc.uniqueArray(partName(20), { maxLength: 3 }),
    secrets: fc.uniqueArray(
      partName(20).filter((name) => name !== 'pull'),
      { maxLength: 3 },
    ),
    foreign: fc.uniqueArray(objectName, { maxLength: 2 }),
    volumes: fc.uniqueArray(partName(63), { maxLength: 4 }),
    sources: fc.array(fc.constantFrom('empty_dir', 'claim', 'claim_template', 'host_path'), {
      minLength: 4,
      maxLength: 4,
    }),
    amount,
    variables: fc.dictionary(fc.stringMatching(/^[A-Z]{1,8}$/), fc.string({ maxLength: 8 }), { maxKeys: 4 }),
    labels: fc.dictionary(label, label, { maxKeys: 3 }),
    replicas: fc.integer({ min: 0, max: MAX_REPLICAS }),
    exposure: fc.constantFrom('none', 'cluster_ip', 'node_port', 'load_balancer'),
    ingress: fc.boolean(),
    stopped: fc.boolean(),
    paused: fc.boolean(),
    pull: fc.constantFrom('none', 'account', 'name'),
    runs: fc.nat(1000),
  })
  .map((made) => {
    const { kind, names, volumes, exposure } = made;
    const all = names.map((name) => ({
      name,
      image: 'web',
      resources: { limits: { cpu: made.amount, memory: made.amount } },
      env: [
        ...Object.entries(made.variables).map(([variable, value]) => ({ name: variable, value })),
        ...made.secrets.map((secret, index) => ({
          name: `S${String(index)}_`,
          secret: { name: secret, key: 'k' },
        })),
      ],
      mounts: [
        ...made.configs.map((config) => ({ config, path: `/c/${config}` })),
        ...[...made.secrets, ...made.foreign.filter((name) => !made.secrets.includes(name))].map(
          (secret) => ({ secret, path: `/s/${secret}` }),
        ),
        ...volumes.map((volume) => ({ volume, path: `/v/${volume}` })),
      ],
    }));
    const inits = Math.min(made.inits, all.length - 1);
    const isScaled = kind === 'stateless' || kind === 'stateful';
    return plainSpec(kind, {
      labels: made.labels,
      containers: all.slice(inits),
      init_containers: all.slice(0, inits),
      config_files: made.configs.map((name) => ({ name, files: { f: name } })),
      secrets: made.secrets.map((name) => ({ name, keys: ['k'] })),
      volumes: volumes.map((name, index) => volume(name, made.sources[index] ?? '', made.amount)),
      ...(isScaled ? { replicas: made.replicas } : {}),
      exposure: {
        type: exposure,
        ...(exposure === 'none' ? {} : { ports: [{ port: 80 }] }),
        ...(made.ingress && exposure !== 'none' ? { ingress: { host: 'example.org' } } : {}),
      },
      image_pull_secret:
        made.pull === 'none' ? null : made.pull === 'name' ? { name: 'r' } : { registry: 'r', username: 'u' },
      stopped: made.stopped,
      paused: made.paused,
      runs: made.runs,
    });
  });

function volume(name: string, source: string, size: string): NonNullable<ApplicationSpec['volumes']>[number] {
  if (source === 'empty_dir') return { name, empty_dir: { size_limit: size } };
  if (source === 'claim') return { name, claim: { name: 'c' } };
  if (source === 'claim_template') return { name, claim_template: { size } };
  return { name, host_path: { path: '/srv' } };
}

/** The values of the secrets of a spec. */
export const valuesOf = ({ secrets }: ApplicationSpec) => ({
  secrets: Object.fromEntries(secrets.map(({ name }) => [name, { k: `value of ${name}` }])),
  pull_password: 'p',
  salt: 'salt',
});

/** What may be different in a cluster, of some containers. */
export const overridesOf = (containers: readonly { name: string }[]): fc.Arbitrary<Overrides> => {
  const name = fc.constantFrom(...containers.map((container) => container.name));
  return fc.record(
    {
      replicas: fc.nat(10),
      images: fc.dictionary(name, fc.constant('other:2')),
      env: fc.dictionary(fc.stringMatching(/^[A-Z]{1,8}$/), fc.string()),
      resources: fc.dictionary(name, fc.constant({ limits: { cpu: '7' } })),
      scheduling: fc.constant({ spread: 'nodes' as const }),
    },
    { requiredKeys: [] },
  );
};
