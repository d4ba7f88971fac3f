import { isFields, Mapping, textOf, type Fields } from '../mapping.ts';
import { refuse } from '../refuse.ts';
import { Place, type ImportReport } from '../report.ts';

/** An object of a manifest. */
export interface KubernetesObject {
  kind: string;
  name: string;
  namespace: string;
  at: Place;
  /** Everything in it; each reader makes a mapping of its own, or of a part. */
  fields: Fields;
}

/** Lists within lists. */
const MAX_LISTS = 4;
/** Objects that are read: far more than so many applications have. */
const MAX_OBJECTS = 1_000;

/** The API groups that the kinds which are read are in, or were. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  Deployment: ['apps', 'extensions'],
  StatefulSet: ['apps'],
  DaemonSet: ['apps', 'extensions'],
  Job: ['batch'],
  CronJob: ['batch'],
  Service: [''],
  Ingress: ['networking.k8s.io', 'extensions'],
  HorizontalPodAutoscaler: ['autoscaling'],
  ConfigMap: [''],
  Secret: [''],
  PersistentVolumeClaim: [''],
};

/** The objects of some documents by kind, with lists unpacked; those of other kinds are told of. */
export class KubernetesObjects {
  private readonly byKind = new Map<string, KubernetesObject[]>();
  private readonly report: ImportReport;
  private count = 0;

  constructor(documents: readonly unknown[], report: ImportReport) {
    this.report = report;
    documents.forEach((document, index) => this.add(document, `document ${String(index + 1)}`, 0));
  }

  of(...kinds: string[]): KubernetesObject[] {
    return kinds.flatMap((kind) => this.byKind.get(kind) ?? []);
  }

  find(kind: string, namespace: string, name: string): KubernetesObject | undefined {
    return this.of(kind).find((one) => one.name === name && one.namespace === namespace);
  }

  private add(value: unknown, where: string, depth: number): void {
    const at = new Place(this.report, where);
    if (!isFields(value)) {
      at.lost('It is not an object of Kubernetes.');
      return;
    }
    const whole = new Mapping(value, at);
    const [kind, version] = [whole.text('kind'), whole.text('apiVersion')];
    if (kind === undefined || version === undefined) {
      at.lost('It is not an object of Kubernetes: it has no kind, or no apiVersion.');
      return;
    }
    if (kind.endsWith('List') && whole.has('items')) {
      if (depth >= MAX_LISTS) at.lost('Lists are nested too deeply.');
      else
        whole
          .list('items')
          .forEach(({ value: item }, index) =>
            this.add(withKind(item, kind, version), `${where}, item ${String(index + 1)}`, depth + 1),
          );
      return;
    }
    this.addObject(value, kind, version, whole.mapping('metadata'));
  }

  private addObject(fields: Fields, kind: string, version: string, metadata: Mapping | undefined): void {
    const name = metadata?.text('name') ?? '';
    const at = new Place(this.report, `${kind}/${name}`);
    this.count += 1;
    if (this.count > MAX_OBJECTS) refuse(`has more than ${String(MAX_OBJECTS)} objects`);
    const namespace = metadata?.text('namespace') ?? '';
    const group = version.includes('/') ? (version.split('/')[0] ?? '') : '';
    if (metadata?.has('ownerReferences') === true) {
      at.note('Another object made it, and makes it again.');
      return;
    }
    const groups = Object.hasOwn(GROUPS, kind) ? GROUPS[kind] : undefined;
    if (groups?.includes(group) !== true) {
      tellOther(kind, at);
      return;
    }
    const all = this.of(kind);
    const before = all.findIndex((one) => one.name === name && one.namespace === namespace);
    const object = { kind, name, namespace, at, fields };
    if (before === -1) this.byKind.set(kind, [...all, object]);
    else {
      at.changed('It is there more than once; the last one counts.');
      this.byKind.set(kind, all.toSpliced(before, 1, object));
    }
  }
}

/** The objects of a list such as `DeploymentList` need not say of what kind they are. */
function withKind(item: unknown, listKind: string, apiVersion: string): unknown {
  if (!isFields(item) || listKind === 'List') return item;
  return { kind: listKind.slice(0, -'List'.length), apiVersion, ...item };
}

const OWN = 'Cetus makes one itself where it is needed.';

const OTHERS: Readonly<Record<string, ['lost' | 'note', string]>> = {
  Namespace: ['note', 'Applications are in the namespace that their user has in each cluster.'],
  PodDisruptionBudget: ['note', OWN],
  NetworkPolicy: [
    'lost',
    'Applications are reached from their own project, and from outside as their exposure says.',
  ],
  ServiceAccount: ['lost', 'Instances have no token of the API of the cluster.'],
  Role: ['lost', 'Instances have no rights in the API of the cluster.'],
  RoleBinding: ['lost', 'Instances have no rights in the API of the cluster.'],
  ClusterRole: ['lost', 'Applications have no rights in the cluster.'],
  ClusterRoleBinding: ['lost', 'Applications have no rights in the cluster.'],
  CustomResourceDefinition: ['lost', 'Applications do not change what a cluster serves.'],
  PersistentVolume: ['lost', 'Volumes are made by the storage classes of the cluster.'],
  Pod: ['lost', 'A single pod is not an application: make it a Deployment.'],
  ReplicaSet: ['lost', 'Make it a Deployment.'],
  ReplicationController: ['lost', 'Make it a Deployment.'],
  Endpoints: ['lost', 'Services without instances are not carried over.'],
  Event: ['note', 'It says what has happened.'],
};

function tellOther(kind: string, at: Place): void {
  const [severity, message] = (Object.hasOwn(OTHERS, kind) ? OTHERS[kind] : undefined) ?? [
    'lost',
    'Objects of this kind are not carried over.',
  ];
  at.say(severity, message);
}

/** What the API server writes into objects, and says nothing of what they shall be. */
const WRITTEN = [
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'selfLink',
  'managedFields',
];
const WRITTEN_ANNOTATIONS = [
  'kubectl.kubernetes.io/last-applied-configuration',
  'deployment.kubernetes.io/revision',
  'deprecated.daemonset.template.generation',
];

/**
 * The specification of an object, after what its metadata says was told of.
 * @param read what of the metadata somebody reads
 */
export function specOf(whole: Mapping, read: readonly string[] = []): Mapping {
  whole.silent('apiVersion', 'kind', 'status');
  const metadata = whole.mapping('metadata');
  if (metadata !== undefined) tellMetadata(metadata, read);
  const spec = whole.mapping('spec') ?? new Mapping({}, whole.at.in('spec'));
  whole.rest();
  return spec;
}

/** Tells of what metadata hold that is not carried over. */
export function tellMetadata(metadata: Mapping, read: readonly string[] = []): void {
  metadata.silent(...WRITTEN, ...read);
  if (!read.includes('annotations')) tellAnnotations(metadata);
  metadata.tell({
    labels: ['note', 'Objects have the labels of their application.'],
    finalizers: ['lost', 'It is not carried over.'],
    generateName: ['lost', 'It is not carried over.'],
  });
  metadata.rest();
}

/** Tells of annotations, but for those that are read. */
export function tellAnnotations(metadata: Mapping, read: readonly string[] = []): void {
  for (const { key, at } of metadata.mapping('annotations')?.entries() ?? []) {
    if (!WRITTEN_ANNOTATIONS.includes(key) && !read.includes(key))
      at.lost('Annotations are not carried over.');
  }
}

/** The text at the end of a path of mappings. */
export function textAt(fields: Fields, ...path: string[]): string | undefined {
  let value: unknown = fields;
  for (const key of path) value = isFields(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return textOf(value);
}
