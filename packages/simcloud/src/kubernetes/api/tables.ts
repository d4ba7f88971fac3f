import type { IncomingMessage } from 'node:http';
import { at, fieldsOf, listOf, textOf, type Fields, type KubeObject } from '../objects.ts';
import type { ApiRequest } from './api-request.ts';
import { present } from './codec.ts';
import { sendJson } from './exchange.ts';

interface Column {
  name: string;
  cell: (object: KubeObject) => unknown;
  type?: string;
  /** Shown only in wide tables. */
  wide?: boolean;
}

const NAME: Column = { name: 'Name', cell: (object) => object.metadata.name };
const AGE: Column = { name: 'Age', cell: (object) => ageOf(object.metadata.creationTimestamp) };

function text(name: string, ...path: string[]): Column {
  return { name, cell: (object) => at(object, ...path) ?? '<none>' };
}

function number(name: string, ...path: string[]): Column {
  return { name, type: 'integer', cell: (object) => at(object, ...path) ?? 0 };
}

function wide(column: Column): Column {
  return { ...column, wide: true };
}

const COLUMNS: Readonly<Record<string, readonly Column[]>> = {
  nodes: [
    NAME,
    { name: 'Status', cell: nodeStatus },
    { name: 'Roles', cell: nodeRoles },
    AGE,
    text('Version', 'status', 'nodeInfo', 'kubeletVersion'),
    wide({ name: 'Internal-IP', cell: (object) => address(object, 'InternalIP') }),
    wide({ name: 'External-IP', cell: (object) => address(object, 'ExternalIP') }),
    wide(text('OS-Image', 'status', 'nodeInfo', 'osImage')),
    wide(text('Kernel-Version', 'status', 'nodeInfo', 'kernelVersion')),
    wide(text('Container-Runtime', 'status', 'nodeInfo', 'containerRuntimeVersion')),
  ],
  pods: [
    NAME,
    { name: 'Ready', cell: podReady },
    { name: 'Status', cell: podStatus },
    { name: 'Restarts', cell: podRestarts },
    AGE,
    wide(text('IP', 'status', 'podIP')),
    wide(text('Node', 'spec', 'nodeName')),
    wide(text('Nominated Node', 'status', 'nominatedNodeName')),
    wide({ name: 'Readiness Gates', cell: () => '<none>' }),
  ],
  namespaces: [NAME, text('Status', 'status', 'phase'), AGE],
  services: [
    NAME,
    text('Type', 'spec', 'type'),
    text('Cluster-IP', 'spec', 'clusterIP'),
    { name: 'External-IP', cell: externalAddress },
    { name: 'Port(s)', cell: servicePorts },
    AGE,
  ],
  'deployments.apps': [
    NAME,
    { name: 'Ready', cell: (object) => ratio(object, 'readyReplicas') },
    number('Up-to-date', 'status', 'updatedReplicas'),
    number('Available', 'status', 'availableReplicas'),
    AGE,
  ],
  'replicasets.apps': [
    NAME,
    number('Desired', 'spec', 'replicas'),
    number('Current', 'status', 'replicas'),
    number('Ready', 'status', 'readyReplicas'),
    AGE,
  ],
  'statefulsets.apps': [NAME, { name: 'Ready', cell: (object) => ratio(object, 'readyReplicas') }, AGE],
  'daemonsets.apps': [
    NAME,
    number('Desired', 'status', 'desiredNumberScheduled'),
    number('Current', 'status', 'currentNumberScheduled'),
    number('Ready', 'status', 'numberReady'),
    number('Up-to-date', 'status', 'updatedNumberScheduled'),
    number('Available', 'status', 'numberAvailable'),
    AGE,
  ],
  'jobs.batch': [
    NAME,
    {
      name: 'Completions',
      cell: (object) =>
        `${textOf(at(object.status, 'succeeded') ?? 0)}/${textOf(at(object.spec, 'completions') ?? 1)}`,
    },
    AGE,
  ],
  persistentvolumeclaims: [
    NAME,
    text('Status', 'status', 'phase'),
    text('Volume', 'spec', 'volumeName'),
    text('Capacity', 'status', 'capacity', 'storage'),
    { name: 'Access Modes', cell: (object) => listOf(at(object.spec, 'accessModes')).join(',') },
    text('StorageClass', 'spec', 'storageClassName'),
    AGE,
  ],
  events: [
    { name: 'Last Seen', cell: (object) => ageOf(textAt(object, 'lastTimestamp')) },
    text('Type', 'type'),
    text('Reason', 'reason'),
    {
      name: 'Object',
      cell: (object) =>
        `${textAt(object, 'involvedObject', 'kind').toLowerCase()}/${textAt(object, 'involvedObject', 'name')}`,
    },
    text('Message', 'message'),
  ],
};

/** True when a client asks for a table before anything else, as `kubectl get` does. */
export function wantsTable(request: IncomingMessage): boolean {
  const first = (request.headers.accept ?? '').split(',', 1)[0] ?? '';
  return /;as=Table\b/.test(first) && /;v=v1(;|$)/.test(first);
}

/** Objects as a table. */
export function tableOf(
  { type, query }: ApiRequest,
  metadata: Fields,
  objects: readonly KubeObject[],
): Fields {
  const columns = COLUMNS[type.storage] ?? [NAME, AGE];
  const include = query.get('includeObject') ?? 'Metadata';
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: columns.map((column) => ({
      name: column.name,
      type: column.type ?? 'string',
      format: column === NAME ? 'name' : '',
      description: '',
      priority: column.wide === true ? 1 : 0,
    })),
    rows: objects.map((object) => ({
      cells: columns.map((column) => column.cell(object)),
      object:
        include === 'Object'
          ? present(type, object)
          : { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata },
    })),
  };
}

/** Sends objects as a table. */
export function sendTable(
  api: ApiRequest,
  code: number,
  metadata: Fields,
  objects: readonly KubeObject[],
): void {
  sendJson(api.response, code, tableOf(api, metadata, objects));
}

function textAt(object: KubeObject, ...path: string[]): string {
  const value = at(object, ...path);
  return typeof value === 'string' ? value : '';
}

function ageOf(time: string): string {
  const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(time)) / 1000));
  if (Number.isNaN(seconds)) return '<unknown>';
  if (seconds < 120) return `${String(seconds)}s`;
  if (seconds < 7200) return `${String(Math.floor(seconds / 60))}m`;
  return seconds < 172_800
    ? `${String(Math.floor(seconds / 3600))}h`
    : `${String(Math.floor(seconds / 86_400))}d`;
}

function conditionStatus(object: KubeObject, type: string): unknown {
  return listOf<Fields>(at(object.status, 'conditions')).find((one) => one['type'] === type)?.['status'];
}

function nodeStatus(object: KubeObject): string {
  const ready = conditionStatus(object, 'Ready') === 'True' ? 'Ready' : 'NotReady';
  return at(object.spec, 'unschedulable') === true ? `${ready},SchedulingDisabled` : ready;
}

const ROLE = 'node-role.kubernetes.io/';

function nodeRoles(object: KubeObject): string {
  const roles = Object.keys(object.metadata.labels ?? {}).filter((label) => label.startsWith(ROLE));
  return roles.length === 0
    ? '<none>'
    : roles
        .map((label) => label.slice(ROLE.length))
        .sort()
        .join(',');
}

function address(object: KubeObject, type: string): unknown {
  return (
    listOf<Fields>(at(object.status, 'addresses')).find((one) => one['type'] === type)?.['address'] ??
    '<none>'
  );
}

function containersOf(object: KubeObject): Fields[] {
  return listOf<Fields>(at(object.status, 'containerStatuses'));
}

function podReady(object: KubeObject): string {
  const ready = containersOf(object).filter((one) => one['ready'] === true).length;
  return `${String(ready)}/${String(listOf(at(object.spec, 'containers')).length)}`;
}

function podStatus(object: KubeObject): unknown {
  if (object.metadata.deletionTimestamp !== undefined) return 'Terminating';
  for (const one of containersOf(object)) {
    const reason = at(one['state'], 'waiting', 'reason') ?? at(one['state'], 'terminated', 'reason');
    if (reason !== undefined) return reason;
  }
  return at(object.status, 'reason') ?? at(object.status, 'phase');
}

function podRestarts(object: KubeObject): string {
  return String(containersOf(object).reduce((sum, one) => sum + Number(one['restartCount'] ?? 0), 0));
}

function externalAddress(object: KubeObject): string {
  if (at(object.spec, 'type') !== 'LoadBalancer') return '<none>';
  const addresses = listOf<Fields>(at(object.status, 'loadBalancer', 'ingress')).map(
    (one) => one['ip'] ?? one['hostname'],
  );
  return addresses.length === 0 ? '<pending>' : addresses.join(',');
}

function servicePorts(object: KubeObject): string {
  const ports = listOf<Fields>(at(object.spec, 'ports')).map(
    ({ port, nodePort, protocol }) =>
      `${String(port)}${nodePort === undefined ? '' : `:${textOfNumber(nodePort)}`}/${String(protocol)}`,
  );
  return ports.length === 0 ? '<none>' : ports.join(',');
}

function textOfNumber(value: unknown): string {
  return typeof value === 'number' ? String(value) : '';
}

function ratio(object: KubeObject, field: string): string {
  return `${textOf(fieldsOf(object.status)[field] ?? 0)}/${textOf(at(object.spec, 'replicas') ?? 0)}`;
}
