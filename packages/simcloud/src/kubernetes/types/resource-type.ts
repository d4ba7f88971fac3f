import type { FieldReader } from '../api/selectors.ts';
import type { FieldProblem, ResourceName } from '../api/status-error.ts';
import type { Fields, KubeObject } from '../objects.ts';

export type Verb = 'create' | 'delete' | 'deletecollection' | 'get' | 'list' | 'patch' | 'update' | 'watch';

/** A part of an object with a path of its own. */
export interface Subresource {
  /** Kind it is read and written in. */
  kind: string;
  /** Group and version of that kind, when they are not the resource's. */
  group?: string;
  version?: string;
  verbs: readonly Verb[];
}

/** One resource in one version: all that the API does alike for every resource, as data. */
export interface ResourceType extends ResourceName {
  version: string;
  /** `v1` or `apps/v1`. */
  groupVersion: string;
  singular: string;
  namespaced: boolean;
  shortNames: readonly string[];
  categories: readonly string[];
  verbs: readonly Verb[];
  subresources: Readonly<Record<string, Subresource>>;
  /** Where objects are kept: the same for all versions. */
  storage: string;
  /** First and last minor of Kubernetes 1 that serves it. */
  since: number;
  until: number;
  /** True when the server counts changes of what is asked for in `metadata.generation`. */
  hasGeneration: boolean;
  /** What the status of a new object is. */
  newStatus: Fields | undefined;
  /** Fields, beside name and namespace, of field selectors. */
  selectable: Readonly<Record<string, FieldReader>>;
  /** Fills in what the server fills in; changes the object, which is a copy. */
  defaults: ((object: KubeObject) => void) | undefined;
  validate: ((object: KubeObject, old: KubeObject | undefined) => FieldProblem[]) | undefined;
  /** From this version to the stored form and back. */
  decode: ((object: KubeObject) => KubeObject) | undefined;
  encode: ((object: KubeObject) => KubeObject) | undefined;
}

/** What a row of the table says; all else follows. */
export interface ResourceRow {
  kind: string;
  plural: string;
  /** Default: namespaced. */
  cluster?: boolean;
  shortNames?: string;
  categories?: string;
  verbs?: readonly Verb[];
  /** Names of subresources with `status` first, where there is one. */
  subresources?: string;
  generation?: boolean;
  newStatus?: Fields;
  selectable?: Readonly<Record<string, FieldReader>>;
  defaults?: (object: KubeObject) => void;
  validate?: (object: KubeObject, old: KubeObject | undefined) => FieldProblem[];
  decode?: (object: KubeObject) => KubeObject;
  encode?: (object: KubeObject) => KubeObject;
  since?: number;
  until?: number;
}

export const ALL_VERBS: readonly Verb[] = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
];

const READ_WRITE: readonly Verb[] = ['get', 'patch', 'update'];
const KINDS: Record<string, Omit<Subresource, 'kind'> & { kind?: string }> = {
  status: { verbs: READ_WRITE },
  approval: { verbs: READ_WRITE },
  scale: { kind: 'Scale', group: 'autoscaling', version: 'v1', verbs: READ_WRITE },
  eviction: { kind: 'Eviction', group: 'policy', version: 'v1', verbs: ['create'] },
  binding: { kind: 'Binding', verbs: ['create'] },
  log: { verbs: ['get'] },
  exec: { kind: 'PodExecOptions', verbs: ['create', 'get'] },
  attach: { kind: 'PodAttachOptions', verbs: ['create', 'get'] },
  portforward: { kind: 'PodPortForwardOptions', verbs: ['create', 'get'] },
  proxy: { kind: 'NodeProxyOptions', verbs: ['create', 'delete', 'get', 'patch', 'update'] },
  finalize: { verbs: ['update'] },
  token: { kind: 'TokenRequest', group: 'authentication.k8s.io', version: 'v1', verbs: ['create'] },
};

/** Makes a type of a row. */
export function resourceType(group: string, version: string, row: ResourceRow): ResourceType {
  const names = row.subresources?.split(' ') ?? [];
  return {
    group,
    version,
    groupVersion: group === '' ? version : `${group}/${version}`,
    kind: row.kind,
    plural: row.plural,
    singular: row.kind.toLowerCase(),
    namespaced: row.cluster !== true,
    shortNames: row.shortNames?.split(' ') ?? [],
    categories: row.categories?.split(' ') ?? [],
    verbs: row.verbs ?? ALL_VERBS,
    subresources: Object.fromEntries(
      names.map((name) => [
        name,
        { kind: row.kind, ...KINDS[name], verbs: KINDS[name]?.verbs ?? READ_WRITE },
      ]),
    ),
    storage: group === '' ? row.plural : `${row.plural}.${group}`,
    since: row.since ?? 0,
    until: row.until ?? Number.POSITIVE_INFINITY,
    hasGeneration: row.generation ?? false,
    newStatus: row.newStatus,
    selectable: row.selectable ?? {},
    defaults: row.defaults,
    validate: row.validate,
    decode: row.decode,
    encode: row.encode,
  };
}
