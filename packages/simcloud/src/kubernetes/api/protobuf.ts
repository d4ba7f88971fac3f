import { isFields, timestamp, type Fields, textOf } from '../objects.ts';
import { badRequest } from './status-error.ts';

/**
 * Messages of the kinds that kubectl makes itself, which newer ones send as protocol buffers; all else they send as
 * JSON. A field is its number and name; a mark says what it is: `#` number, `?` truth, `=` bytes, `*` list, `{}` map,
 * `:Message`. Source: generated.proto of k8s.io/api and k8s.io/apimachinery.
 */
const MESSAGES: Readonly<Record<string, string>> = {
  Eviction: '1 metadata:Meta, 2 deleteOptions:DeleteOptions',
  DeleteOptions:
    '1 gracePeriodSeconds#, 2 preconditions:Preconditions, 3 orphanDependents?, 4 propagationPolicy, 5 dryRun*',
  Preconditions: '1 uid, 2 resourceVersion',
  SelfSubjectAccessReview: '1 metadata:Meta, 2 spec:AccessSpec',
  SelfSubjectRulesReview: '1 metadata:Meta, 2 spec:RulesSpec',
  AccessSpec: '1 resourceAttributes:ResourceAttributes, 2 nonResourceAttributes:NonResourceAttributes',
  ResourceAttributes: '1 namespace, 2 verb, 3 group, 4 version, 5 resource, 6 subresource, 7 name',
  NonResourceAttributes: '1 path, 2 verb',
  RulesSpec: '1 namespace',
  TokenRequest: '1 metadata:Meta, 2 spec:TokenRequestSpec',
  TokenRequestSpec: '1 audiences*, 4 expirationSeconds#',
  CertificateSigningRequest: '1 metadata:Meta, 2 spec:SigningSpec, 3 status:SigningStatus',
  SigningSpec: '1 request=, 2 username, 3 uid, 4 groups*, 5 usages*, 7 signerName, 8 expirationSeconds#',
  SigningStatus: '1 conditions*:SigningCondition, 2 certificate=',
  SigningCondition: '1 type, 2 reason, 3 message, 4 lastUpdateTime:Time, 5 lastTransitionTime:Time, 6 status',
  Meta: '1 name, 2 generateName, 3 namespace, 5 uid, 6 resourceVersion, 7 generation#, 8 creationTimestamp:Time, 9 deletionTimestamp:Time, 10 deletionGracePeriodSeconds#, 11 labels{}, 12 annotations{}, 13 ownerReferences*:Owner, 14 finalizers*',
  Owner: '1 kind, 3 name, 4 uid, 5 apiVersion, 6 controller?, 7 blockOwnerDeletion?',
  Time: '1 seconds#, 2 nanos#',
  Namespace: '1 metadata:Meta',
  ConfigMap: '1 metadata:Meta, 2 data{}, 3 binaryData{}=, 4 immutable?',
  Secret: '1 metadata:Meta, 2 data{}=, 3 type, 4 stringData{}, 5 immutable?',
  ServiceAccount: '1 metadata:Meta, 2 secrets*:Reference, 3 imagePullSecrets*:LocalReference',
  Reference: '1 kind, 2 namespace, 3 name, 4 uid, 5 apiVersion',
  LocalReference: '1 name',
  Service: '1 metadata:Meta, 2 spec:ServiceSpec',
  ServiceSpec:
    '1 ports*:ServicePort, 2 selector{}, 3 clusterIP, 4 type, 5 externalIPs*, 7 sessionAffinity, 10 externalName',
  ServicePort: '1 name, 2 protocol, 3 port#, 4 targetPort:IntOrString, 5 nodePort#',
  IntOrString: '1 type#, 2 intVal#, 3 strVal',
  Deployment: '1 metadata:Meta, 2 spec:DeploymentSpec',
  DeploymentSpec:
    '1 replicas#, 2 selector:Selector, 3 template:Template, 5 minReadySeconds#, 6 revisionHistoryLimit#, 7 paused?, 9 progressDeadlineSeconds#',
  Selector: '1 matchLabels{}, 2 matchExpressions*:Requirement',
  Requirement: '1 key, 2 operator, 3 values*',
  Template: '1 metadata:Meta, 2 spec:PodSpec',
  Pod: '1 metadata:Meta, 2 spec:PodSpec',
  PodSpec:
    '2 containers*:Container, 3 restartPolicy, 4 terminationGracePeriodSeconds#, 5 activeDeadlineSeconds#, 6 dnsPolicy, 7 nodeSelector{}, 8 serviceAccountName, 10 nodeName',
  Container:
    '1 name, 2 image, 3 command*, 4 args*, 5 workingDir, 6 ports*:ContainerPort, 7 env*:Variable, 14 imagePullPolicy',
  ContainerPort: '1 name, 2 hostPort#, 3 containerPort#, 4 protocol, 5 hostIP',
  Variable: '1 name, 2 value',
  Job: '1 metadata:Meta, 2 spec:JobSpec',
  JobSpec:
    '1 parallelism#, 2 completions#, 3 activeDeadlineSeconds#, 4 selector:Selector, 5 manualSelector?, 6 template:Template, 7 backoffLimit#, 8 ttlSecondsAfterFinished#',
  CronJob: '1 metadata:Meta, 2 spec:CronJobSpec',
  CronJobSpec:
    '1 schedule, 2 startingDeadlineSeconds#, 3 concurrencyPolicy, 4 suspend?, 5 jobTemplate:JobTemplate',
  JobTemplate: '1 metadata:Meta, 2 spec:JobSpec',
  PodDisruptionBudget: '1 metadata:Meta, 2 spec:BudgetSpec',
  BudgetSpec: '1 minAvailable:IntOrString, 2 selector:Selector, 3 maxUnavailable:IntOrString',
  Role: '1 metadata:Meta, 2 rules*:Rule',
  ClusterRole: '1 metadata:Meta, 2 rules*:Rule',
  Rule: '1 verbs*, 2 apiGroups*, 3 resources*, 4 resourceNames*, 5 nonResourceURLs*',
  RoleBinding: '1 metadata:Meta, 2 subjects*:Subject, 3 roleRef:RoleRef',
  ClusterRoleBinding: '1 metadata:Meta, 2 subjects*:Subject, 3 roleRef:RoleRef',
  Subject: '1 kind, 2 apiGroup, 3 name, 4 namespace',
  RoleRef: '1 apiGroup, 2 kind, 3 name',
  PriorityClass: '1 metadata:Meta, 2 value#, 3 globalDefault?, 4 description, 5 preemptionPolicy',
  Unknown: '1 typeMeta:TypeMeta, 2 raw=, 3 contentEncoding, 4 contentType',
  TypeMeta: '1 apiVersion, 2 kind',
};

/** What begins a Kubernetes object in protocol buffers. */
const MAGIC = Buffer.from([0x6b, 0x38, 0x73, 0x00]);
export const PROTOBUF = 'application/vnd.kubernetes.protobuf';

interface Field {
  name: string;
  message: string | undefined;
  isList: boolean;
  isMap: boolean;
  kind: 'text' | 'number' | 'truth' | 'bytes';
}

const FIELD = /^(\d+) (\w+)(\*)?(\{\})?([#?=])?(?::(\w+))?$/;
const KINDS: Readonly<Record<string, Field['kind']>> = { '#': 'number', '?': 'truth', '=': 'bytes' };

const compiled = new Map<string, Map<number, Field>>();

function fieldsOfMessage(name: string): Map<number, Field> {
  let fields = compiled.get(name);
  if (fields === undefined) {
    fields = new Map(
      (MESSAGES[name] ?? '').split(', ').map((text): [number, Field] => {
        const [, number, field = '', list, map, mark = '', message] = FIELD.exec(text) ?? [];
        const kind = KINDS[mark] ?? 'text';
        return [
          Number(number),
          { name: field, message, isList: list !== undefined, isMap: map !== undefined, kind },
        ];
      }),
    );
    compiled.set(name, fields);
  }
  return fields;
}

/**
 * Reads an object that a client sent as protocol buffers.
 * @returns undefined for a kind that is not known here @throws ApiError 400 for bytes that are none
 */
export function decodeProtobuf(bytes: Buffer): Fields | undefined {
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC))
    throw badRequest('provided data does not appear to be a protobuf message');
  const envelope = decode(bytes.subarray(MAGIC.length), 'Unknown');
  const type = isFields(envelope['typeMeta']) ? envelope['typeMeta'] : {};
  const kind = String(type['kind']);
  if (!(kind in MESSAGES)) return undefined;
  const body = decode(Buffer.from(textOf(envelope['raw'] ?? ''), 'base64'), kind);
  return { apiVersion: type['apiVersion'], kind, ...body };
}

/** Numbers that say nothing when they are zero: Go writes them all the same. */
const ZERO_IS_NONE = new Set(['nodePort', 'generation', 'hostPort', 'minReadySeconds']);

function decode(bytes: Buffer, message: string): Fields {
  const fields = fieldsOfMessage(message);
  const result: Fields = {};
  for (const { number, value } of partsOf(bytes)) {
    const field = fields.get(number);
    if (field === undefined) continue;
    const read = valueOf(field, value);
    const isNone = read === '' || read === undefined || (read === 0 && ZERO_IS_NONE.has(field.name));
    if (field.isMap)
      result[field.name] = { ...(result[field.name] as Fields | undefined), ...mapEntry(field, value) };
    else if (field.isList)
      result[field.name] = [...((result[field.name] as unknown[] | undefined) ?? []), read];
    else if (!isNone) result[field.name] = read;
  }
  return result;
}

function valueOf({ kind, message }: Field, value: number | Buffer): unknown {
  if (typeof value === 'number') return kind === 'truth' ? value !== 0 : value;
  if (message === 'Time') {
    const { seconds } = decode(value, 'Time');
    return typeof seconds === 'number' ? timestamp(seconds * 1000) : undefined;
  }
  if (message === 'IntOrString') {
    const { type, intVal, strVal } = decode(value, 'IntOrString');
    return type === 1 ? strVal : (intVal ?? 0);
  }
  if (message !== undefined) return decode(value, message);
  return kind === 'bytes' ? value.toString('base64') : value.toString('utf8');
}

function mapEntry(field: Field, bytes: number | Buffer): Fields {
  let key = '';
  let value: unknown = '';
  for (const part of typeof bytes === 'number' ? [] : partsOf(bytes)) {
    if (part.number === 1) key = String(part.value);
    else value = valueOf(field, part.value);
  }
  return { [key]: value };
}

/** The numbered parts of a message: numbers as they are, all else as bytes. @throws ApiError 400 */
function partsOf(bytes: Buffer): { number: number; value: number | Buffer }[] {
  const parts: { number: number; value: number | Buffer }[] = [];
  let offset = 0;
  const varint = (): number => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[offset++];
      if (byte === undefined) throw badRequest('proto: unexpected EOF');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return Number(BigInt.asIntN(64, value));
    }
  };
  while (offset < bytes.length) {
    const tag = varint();
    const wire = tag & 7;
    if (wire === 0) parts.push({ number: tag >>> 3, value: varint() });
    else {
      const length = wire === 2 ? varint() : wire === 1 ? 8 : 4;
      if (length < 0 || offset + length > bytes.length) throw badRequest('proto: unexpected EOF');
      parts.push({ number: tag >>> 3, value: bytes.subarray(offset, offset + length) });
      offset += length;
    }
  }
  return parts;
}
