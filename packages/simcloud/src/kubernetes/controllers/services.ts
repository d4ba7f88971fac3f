import { createHash } from 'node:crypto';
import { mapSelectorTest, labelsOf } from '../api/selectors.ts';
import { at, fieldsOf, isSame, listOf, keyOfObject, type Fields, type KubeObject } from '../objects.ts';
import { newMetadata } from '../seed.ts';
import type { ControllerContext } from './controller-context.ts';
import { hasEnded, isReady } from './pod-state.ts';

const CLEANUP = 'service.kubernetes.io/load-balancer-cleanup';
const SLICES = 'endpointslices.discovery.k8s.io';
const KIND = { kind: 'Service', apiVersion: 'v1' };

/** Keeps a Service's Endpoints, its slice, and its load balancer. */
export function reconcileService(context: ControllerContext, service: KubeObject): void {
  if (service.metadata.deletionTimestamp === undefined) writeEndpoints(context, service);
  const now = context.store.get('services', service.metadata.namespace, service.metadata.name);
  if (now !== undefined) balance(context, now);
}

interface Endpoint {
  ip: string;
  pod: KubeObject;
  isReady: boolean;
}

function endpointsOf(context: ControllerContext, service: KubeObject): Endpoint[] {
  const matches = mapSelectorTest(at(service.spec, 'selector'));
  const isEarly = at(service.spec, 'publishNotReadyAddresses') === true;
  return context.store.list('pods', service.metadata.namespace).flatMap(([, pod]) => {
    const ip = at(pod.status, 'podIP');
    if (typeof ip !== 'string' || hasEnded(pod) || !matches(labelsOf(pod))) return [];
    if (pod.metadata.deletionTimestamp !== undefined) return [];
    return [{ ip, pod, isReady: isEarly || isReady(pod) }];
  });
}

/** The number behind a service's target port: a number, or the name of a container's port. */
function targetPort(port: Fields, pod: KubeObject | undefined): number | undefined {
  const target = port['targetPort'] ?? port['port'];
  if (typeof target === 'number') return target;
  const ports = listOf<Fields>(at(pod?.spec, 'containers')).flatMap((container) =>
    listOf<Fields>(container['ports']),
  );
  const found = ports.find((one) => one['name'] === target)?.['containerPort'];
  return typeof found === 'number' ? found : undefined;
}

function referenceTo(pod: KubeObject): Fields {
  return { kind: 'Pod', name: pod.metadata.name, namespace: pod.metadata.namespace, uid: pod.metadata.uid };
}

function writeEndpoints(context: ControllerContext, service: KubeObject): void {
  const { name, namespace } = service.metadata;
  const isApi = name === 'kubernetes' && namespace === 'default';
  const isSelective = Object.keys(fieldsOf(at(service.spec, 'selector'))).length > 0;
  if (!isApi && !isSelective) return;
  const endpoints = endpointsOf(context, service);
  const ports = listOf<Fields>(at(service.spec, 'ports')).flatMap((port) => {
    const number = isApi ? context.cluster.spec.port : targetPort(port, endpoints[0]?.pod);
    return number === undefined
      ? []
      : [
          {
            ...(port['name'] === undefined ? {} : { name: port['name'] }),
            port: number,
            protocol: port['protocol'],
          },
        ];
  });
  const address = ({ ip, pod }: Endpoint): Fields => ({
    ip,
    nodeName: at(pod.spec, 'nodeName'),
    targetRef: referenceTo(pod),
  });
  const ready = isApi
    ? [{ ip: context.cluster.spec.address }]
    : endpoints.filter((one) => one.isReady).map(address);
  const unready = endpoints.filter((one) => !one.isReady).map(address);
  const subsets =
    ready.length + unready.length === 0
      ? undefined
      : [
          {
            ...(ready.length === 0 ? {} : { addresses: ready }),
            ...(unready.length === 0 ? {} : { notReadyAddresses: unready }),
            ports,
          },
        ];
  upsert(
    context,
    'endpoints',
    service,
    name,
    { labels: labelsOf(service) },
    subsets === undefined ? {} : { subsets },
  );
  const slice = {
    addressType: 'IPv4',
    endpoints: isApi
      ? [{ addresses: [context.cluster.spec.address], conditions: { ready: true } }]
      : endpoints.map(({ ip, pod, isReady: ready }) => ({
          addresses: [ip],
          conditions: { ready, serving: ready, terminating: false },
          nodeName: at(pod.spec, 'nodeName'),
          targetRef: referenceTo(pod),
        })),
    ports: ports.map((port) => ({ name: '', ...port })),
  };
  const labels = {
    ...labelsOf(service),
    'kubernetes.io/service-name': name,
    'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
  };
  const suffix = createHash('sha1').update(service.metadata.uid).digest('hex').slice(0, 5);
  const ownerReferences = [context.ownerReference('services', service)];
  upsert(context, SLICES, service, `${name}-${suffix}`, { labels, ownerReferences }, slice);
}

function upsert(
  context: ControllerContext,
  storage: string,
  service: KubeObject,
  name: string,
  metadata: Partial<KubeObject['metadata']>,
  content: Fields,
): void {
  const { namespace } = service.metadata;
  const old = context.store.get(storage, namespace, name);
  if (old === undefined) {
    context.create(storage, { metadata: newMetadata(name, namespace, metadata), ...content });
    return;
  }
  const { metadata: _metadata, ...before } = old;
  if (!isSame(before, content)) context.store.put(storage, { metadata: old.metadata, ...content });
}

/** Endpoints go with their service. */
export function forgetService({ store }: ControllerContext, service: KubeObject): void {
  const endpoints = store.get('endpoints', service.metadata.namespace, service.metadata.name);
  if (endpoints !== undefined) store.remove('endpoints', endpoints);
}

/** Gives a service of type LoadBalancer its address after a while, and takes as long to give it back. */
function balance(context: ControllerContext, service: KubeObject): void {
  const isWanted =
    at(service.spec, 'type') === 'LoadBalancer' && service.metadata.deletionTimestamp === undefined;
  const isHeld = (service.metadata.finalizers ?? []).includes(CLEANUP);
  const hasAddress = listOf(at(service.status, 'loadBalancer', 'ingress')).length > 0;
  const event = (reason: string, message: string): void =>
    context.events.record(service, KIND, 'Normal', reason, message, 'service-controller');
  if (isWanted && !isHeld) {
    const finalizers = [...(service.metadata.finalizers ?? []), CLEANUP];
    context.store.put('services', { ...service, metadata: { ...service.metadata, finalizers } });
    event('EnsuringLoadBalancer', 'Ensuring load balancer');
  }
  if (isWanted ? !hasAddress : isHeld) {
    if (!isWanted) event('DeletingLoadBalancer', 'Deleting load balancer');
    context.wishLater('services-balancer', keyOfObject(service), context.cluster.seconds.loadBalancer);
  }
}

/** The cloud has made a load balancer, or deleted it. */
export function finishBalancer(context: ControllerContext, service: KubeObject): void {
  const isWanted =
    at(service.spec, 'type') === 'LoadBalancer' && service.metadata.deletionTimestamp === undefined;
  if (isWanted) {
    const [a = 0, b = 0] = createHash('sha1').update(service.metadata.uid).digest();
    const ingress = [
      {
        ip: `127.30.${String(a)}.${String(1 + (b % 254))}`,
        ...(context.cluster.registry.minor >= 32 ? { ipMode: 'VIP' } : {}),
      },
    ];
    context.setStatus('services', service, { loadBalancer: { ingress } });
    context.events.record(
      service,
      KIND,
      'Normal',
      'EnsuredLoadBalancer',
      'Ensured load balancer',
      'service-controller',
    );
  } else if ((service.metadata.finalizers ?? []).includes(CLEANUP)) {
    const emptied = { ...service, status: { ...service.status, loadBalancer: {} } };
    context.events.record(
      service,
      KIND,
      'Normal',
      'DeletedLoadBalancer',
      'Deleted load balancer',
      'service-controller',
    );
    context.removeFinalizer('services', context.store.put('services', emptied), CLEANUP);
  }
}
