import { strict as assert } from 'node:assert';
import { CetusError } from '@cetus/shared/errors';
import fc from 'fast-check';
import { fromCompose } from '../../../src/applications/import/compose/compose.ts';
import type { Conversion } from '../../../src/applications/import/converted.ts';
import { fromManifests } from '../../../src/applications/import/kubernetes/manifests.ts';
import { converted, wrongWith } from './support.ts';

/** What files are made of, so that what is behind the first look is reached too. */
const COMPOSE = [
  'services', 'volumes', 'configs', 'secrets', 'image', 'ports', 'expose', 'environment', 'deploy', 'resources', 'limits',
  'cpus', 'memory', 'replicas', 'placement', 'constraints', 'preferences', 'spread', 'update_config', 'restart_policy', 'condition',
  'max_attempts', 'healthcheck', 'test', 'interval', 'command', 'entrypoint', 'labels', 'type', 'source', 'target', 'tmpfs', 'size',
  'content', 'file', 'external', 'profiles', 'restart', 'user', 'cap_drop', 'mode', 'web', 'db', 'toString', '__proto__', 'constructor',
] as const; // prettier-ignore
const KUBERNETES = [
  'apiVersion', 'kind', 'metadata', 'name', 'namespace', 'labels', 'annotations', 'spec', 'template', 'containers', 'initContainers',
  'image', 'env', 'envFrom', 'value', 'valueFrom', 'secretKeyRef', 'configMapKeyRef', 'key', 'ports', 'containerPort', 'port',
  'targetPort', 'selector', 'matchLabels', 'volumes', 'volumeMounts', 'mountPath', 'configMap', 'secret', 'secretName', 'items', 'path',
  'data', 'stringData', 'emptyDir', 'persistentVolumeClaim', 'claimName', 'volumeClaimTemplates', 'resources', 'requests', 'storage',
  'livenessProbe', 'httpGet', 'exec', 'command', 'strategy', 'rollingUpdate', 'maxSurge', 'jobTemplate', 'schedule', 'tls', 'rules',
  'http', 'paths', 'backend', 'service', 'number', 'metrics', 'resource', 'scaleTargetRef', 'maxReplicas', 'affinity', 'tolerations',
  'securityContext', 'capabilities', 'drop', 'imagePullSecrets', 'toString', '__proto__',
] as const; // prettier-ignore
const VALUES = [
  'web', 'nginx', '80', '8080:80', '53/udp', '${A:-b}', '${', '$$', '512m', '1m30s', 'data:/data', './a:/b', '/a', '', 'NONE', 'CMD',
  'always', 'no', 'global', '*', 'node.labels.a == b', '\ud800', 'é', 'a"b', 'apps/v1', 'v1', 'Deployment', 'Secret', 'app', 'Zm9v', '!!', '25%',
] as const; // prettier-ignore
const KINDS = [
  ['apps/v1', 'Deployment'], ['apps/v1', 'StatefulSet'], ['apps/v1', 'DaemonSet'], ['batch/v1', 'Job'], ['batch/v1', 'CronJob'],
  ['v1', 'Service'], ['v1', 'ConfigMap'], ['v1', 'Secret'], ['v1', 'PersistentVolumeClaim'], ['networking.k8s.io/v1', 'Ingress'],
  ['autoscaling/v2', 'HorizontalPodAutoscaler'], ['v1', 'List'],
] as const; // prettier-ignore

const leaf = fc.oneof(
  fc.constantFrom<unknown>(...VALUES),
  fc.constantFrom<unknown>(null, true, false, 0, -1, 1.5, 80, 1e300, 70_000),
  fc.string(),
);
const grown = (keys: readonly string[]) =>
  fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 6, withCrossShrink: true },
      leaf,
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...keys), tie('value'), { maxKeys: 8 }),
    ),
  })).value;

const composeFile = fc.oneof(
  { weight: 1, arbitrary: fc.jsonValue() },
  {
    weight: 4,
    arbitrary: fc.record({
      services: fc.dictionary(
        fc.constantFrom('web', 'db', 'toString', 'a_b'),
        fc
          .tuple(fc.dictionary(fc.constantFrom(...COMPOSE), grown(COMPOSE)), fc.boolean())
          .map(([fields, named]) => (named ? { image: 'x', ...fields } : fields)),
      ),
      volumes: grown(COMPOSE),
      configs: fc.dictionary(fc.constantFrom('web', 'a'), grown(COMPOSE)),
      secrets: grown(COMPOSE),
    }),
  },
);
const manifests = fc.array(
  fc.oneof(
    { weight: 1, arbitrary: fc.jsonValue() },
    {
      weight: 5,
      arbitrary: fc
        .tuple(
          fc.constantFrom(...KINDS),
          fc.dictionary(fc.constantFrom(...KUBERNETES), grown(KUBERNETES), { maxKeys: 12 }),
          grown(KUBERNETES),
          fc.boolean(),
        )
        .map(([[apiVersion, kind], spec, data, full]) => ({
          apiVersion,
          kind,
          metadata: { name: 'web' },
          spec: full
            ? { selector: { app: 'web' }, template: { metadata: { labels: { app: 'web' } }, spec } }
            : spec,
          data,
          items: [data],
        })),
    },
  ),
  { maxLength: 6 },
);

function survives(convert: () => Conversion): void {
  let conversion: Conversion;
  try {
    conversion = convert();
  } catch (error) {
    assert.ok(error instanceof CetusError, error instanceof Error ? error.stack : String(error));
    assert.equal(error.field, 'content');
    return;
  }
  for (const { form } of conversion.applications) {
    wrongWith(form);
    assert.ok(JSON.stringify(form).isWellFormed());
  }
  for (const { message, path, source } of conversion.report)
    assert.ok([message, path, source].every((text) => text.isWellFormed() && text.length < 1_000));
}

describe('import: whatever is sent', () => {
  const placements = [{ cluster: 'prod' }];

  it('as a Compose file becomes applications or is refused', () => {
    fc.assert(
      fc.property(composeFile, (file) => survives(() => fromCompose(file, { placements, profiles: ['*'] }))),
      { numRuns: 1_500 },
    );
  });

  it('as manifests becomes applications or is refused', () => {
    fc.assert(
      fc.property(manifests, (documents) => survives(() => fromManifests(documents, { placements }))),
      { numRuns: 1_500 },
    );
  });

  it('as text becomes applications or is refused', () => {
    const pieces = fc.constantFrom(
      'services:', '\n', '  ', 'web', ': ', '- ', '{', '}', '[', ']', '"', "'", '&a', '*a', '<<', '!x', '|', '>', '#', '?', '---', '\t', 'image', ',', 'apiVersion: v1', 'kind: Secret', '\u0000', '%YAML 9', '\ud800',
    ); // prettier-ignore
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(pieces).map((all) => all.join('')),
        ),
        (text) => survives(() => converted(text)),
      ),
      { numRuns: 1_500 },
    );
  });
});
