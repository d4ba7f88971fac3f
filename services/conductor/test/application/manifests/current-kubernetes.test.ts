import assert from 'node:assert/strict';
import type { Manifest } from '@cetus/kubernetes/apply';
import { APPLICATION_KINDS } from '@cetus/shared/schemas';
import * as client from '@kubernetes/client-node';
import fc from 'fast-check';
import { manifestsOf } from '../../../src/application/manifests/index.ts';
import { isolationOf, namespaceManifest } from '../../../src/application/namespace/isolation.ts';
import { namespacePolicy } from '../../../src/application/namespace/policy.ts';
import { applicationName, spec as anySpec, valuesOf } from './arbitrary.ts';
import { fullSpec, inputOf, NEWEST } from './inputs.ts';

/** What the client of Kubernetes 1.34 knows of a field, as it was generated from its OpenAPI document. */
interface Attribute {
  baseName: string;
  type: string;
}
type Model = { getAttributeTypeMap(): Attribute[] };

/** The model of a kind in a version, such as `V2HorizontalPodAutoscaler` for `autoscaling/v2`. */
function modelOf({ apiVersion, kind }: Manifest): string {
  const version = apiVersion.split('/').at(-1) ?? '';
  return `${version.charAt(0).toUpperCase()}${version.slice(1)}${kind}`;
}

/** Fields of a value that are not of its type, as a path; all of Kubernetes' types are named as in its client. */
function unknownIn(value: unknown, type: string, path: string): string[] {
  const [, element] = /^Array<(.+)>$/.exec(type) ?? /^\{ \[key: string\]: (.+); \}$/.exec(type) ?? [];
  if (element !== undefined) {
    const isArray = type.startsWith('Array');
    if (Array.isArray(value) !== isArray || typeof value !== 'object' || value === null)
      return [`${path} is no ${type}`];
    return Object.entries(value).flatMap(([key, one]) => unknownIn(one, element, `${path}.${key}`));
  }
  if (type === 'IntOrString')
    return ['string', 'number'].includes(typeof value) ? [] : [`${path} is no ${type}`];
  if (type === 'any') return [];
  // What nothing was written to yet, as the API server writes it out.
  if (type === 'Date') return value === null ? [] : [`${path} is no ${type}`];
  if (['string', 'number', 'boolean'].includes(type))
    return typeof value === type ? [] : [`${path} is no ${type}`];
  const model = (client as unknown as Record<string, Model | undefined>)[type];
  assert.ok(model, `${path}: Kubernetes 1.34 has no ${type}`);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${path} is no ${type}`];
  const types = new Map(model.getAttributeTypeMap().map(({ baseName, type: of }) => [baseName, of]));
  return Object.entries(value).flatMap(([name, one]) => {
    const of = types.get(name);
    return of === undefined
      ? [`${path}.${name} is no field of ${type}`]
      : unknownIn(one, of, `${path}.${name}`);
  });
}

function requireKnown(manifests: readonly Manifest[]): void {
  for (const manifest of manifests)
    assert.deepEqual(unknownIn(manifest, modelOf(manifest), manifest.kind), [], manifest.metadata.name);
}

describe('manifests for the current Kubernetes', () => {
  for (const kind of APPLICATION_KINDS) {
    it(`${kind}: have only fields that it knows`, () =>
      requireKnown(manifestsOf(inputOf(fullSpec(kind), { apis: NEWEST }))));
  }

  it('of anything that may be asked have only fields that it knows', () => {
    fc.assert(
      fc.property(anySpec, applicationName, (spec, name) => {
        const input = inputOf(spec, { values: valuesOf(spec), apis: NEWEST });
        requireKnown(manifestsOf({ ...input, application: { ...input.application, name } }));
      }),
    );
  });

  it('of a namespace and what keeps it apart have only fields that it knows', () => {
    const owner = { namespace: 'cetus-test', projectId: 'p', userId: 'u' };
    const policy = namespacePolicy({
      CETUS_POD_SECURITY_LEVEL: 'baseline',
      CETUS_NAMESPACE_QUOTA: 'pods=100,requests.storage=1Ti',
      CETUS_NAMESPACE_LIMITS: 'Container.defaultRequest.cpu=50m,Container.max.memory=8Gi',
    });
    requireKnown([namespaceManifest(owner, policy, undefined), ...isolationOf(owner, policy)]);
  });

  it('a field that there is not, or of another type, is noticed', () => {
    const found = unknownIn(
      { apiVersion: 'v1', kind: 'Pod', spec: { containers: [{ nane: 'web', tty: 'yes' }] } },
      'V1Pod',
      'Pod',
    );
    assert.deepEqual(found, [
      'Pod.spec.containers.0.nane is no field of V1Container',
      'Pod.spec.containers.0.tty is no boolean',
    ]);
  });
});
