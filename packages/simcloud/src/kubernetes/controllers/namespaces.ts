import { X509Certificate } from 'node:crypto';
import { at, fieldsOf, isSame, listOf, timestamp, type Fields, type KubeObject } from '../objects.ts';
import { newMetadata } from '../seed.ts';
import type { ControllerContext } from './controller-context.ts';

/** First minor whose service accounts have no secret made for them. */
const NO_TOKEN_SECRETS = 24;
const TOKEN_TYPE = 'kubernetes.io/service-account-token';
const ACCOUNT = 'kubernetes.io/service-account.name';
const ACCOUNT_UID = 'kubernetes.io/service-account.uid';
const TOKEN_SECONDS = 10 * 365 * 86_400;
/** A namespace goes once what is in it has gone. */
const RECHECK_SECONDS = 0.1;

/** Gives a namespace what every one has, and empties one that is to go. */
export function reconcileNamespace(context: ControllerContext, namespace: KubeObject): void {
  if (namespace.metadata.deletionTimestamp !== undefined) empty(context, namespace);
  else furnish(context, namespace.metadata.name);
}

function furnish(context: ControllerContext, name: string): void {
  const { store } = context;
  if (store.get('serviceaccounts', name, 'default') === undefined)
    context.create('serviceaccounts', { metadata: newMetadata('default', name) });
  if (store.get('configmaps', name, 'kube-root-ca.crt') === undefined) {
    context.create('configmaps', {
      metadata: newMetadata('kube-root-ca.crt', name),
      data: { 'ca.crt': context.cluster.spec.authority.certificate },
    });
  }
}

function empty(context: ControllerContext, namespace: KubeObject): void {
  const { store } = context;
  const { name } = namespace.metadata;
  const left: { storage: string; object: KubeObject }[] = [];
  for (const storage of store.resources()) {
    for (const [, object] of context.typeOf(storage).namespaced ? store.list(storage, name) : []) {
      // Pods get their grace, as from anybody else.
      if (object.metadata.deletionTimestamp === undefined)
        context.delete(storage, object, { propagationPolicy: 'Background' });
      const rest = store.get(storage, name, object.metadata.name);
      if (rest !== undefined) left.push({ storage, object: rest });
    }
  }
  if (left.length > 0) {
    context.wishLater('namespaces', name, RECHECK_SECONDS);
    noteRemaining(context, namespace, left);
    return;
  }
  const finalizers = listOf<string>(at(namespace.spec, 'finalizers')).filter((one) => one !== 'kubernetes');
  const last = store.put('namespaces', { ...namespace, spec: { ...namespace.spec, finalizers } });
  if (finalizers.length === 0 && (last.metadata.finalizers ?? []).length === 0)
    store.remove('namespaces', last);
}

function counted(names: readonly string[]): [string, number][] {
  return [...new Set(names)].sort().map((name) => [name, names.filter((one) => one === name).length]);
}

/** Says what still keeps a namespace. */
function noteRemaining(
  context: ControllerContext,
  namespace: KubeObject,
  left: readonly { storage: string; object: KubeObject }[],
): void {
  const resources = counted(left.map(({ storage }) => (storage.includes('.') ? storage : `${storage}.`)));
  const finalizers = counted(left.flatMap(({ object }) => object.metadata.finalizers ?? []));
  const text = (counts: readonly [string, number][], word: string): string =>
    counts.map(([name, count]) => `${name} ${word} ${String(count)} resource instances`).join(', ');
  const before = listOf<Fields>(at(namespace.status, 'conditions'));
  const condition = (type: string, status: string, reason: string, message: string): Fields => {
    const old = before.find((one) => one['type'] === type);
    const since = old?.['status'] === status ? old?.['lastTransitionTime'] : timestamp();
    return { type, status, lastTransitionTime: since, reason, message };
  };
  const conditions = [
    condition(
      'NamespaceDeletionDiscoveryFailure',
      'False',
      'ResourcesDiscovered',
      'All resources successfully discovered',
    ),
    condition(
      'NamespaceDeletionGroupVersionParsingFailure',
      'False',
      'ParsedGroupVersions',
      'All legacy kube types successfully parsed',
    ),
    condition(
      'NamespaceDeletionContentFailure',
      'False',
      'ContentDeleted',
      'All content successfully deleted, may be waiting on finalization',
    ),
    condition(
      'NamespaceContentRemaining',
      'True',
      'SomeResourcesRemain',
      `Some resources are remaining: ${text(resources, 'has')}`,
    ),
    finalizers.length === 0
      ? condition(
          'NamespaceFinalizersRemaining',
          'False',
          'ContentHasNoFinalizers',
          'All content-preserving finalizers finished',
        )
      : condition(
          'NamespaceFinalizersRemaining',
          'True',
          'SomeFinalizersRemain',
          `Some content in the namespace has finalizers remaining: ${text(finalizers, 'in')}`,
        ),
  ];
  if (!isSame(before, conditions)) context.setStatus('namespaces', namespace, { conditions });
}

/** In older versions every service account has a secret with its token. */
export function reconcileServiceAccount(context: ControllerContext, account: KubeObject): void {
  if (context.cluster.registry.minor >= NO_TOKEN_SECRETS || listOf(account['secrets']).length > 0) return;
  if (account.metadata.deletionTimestamp !== undefined) return;
  const { name, namespace, uid } = account.metadata;
  const suffix = uid.replaceAll('-', '').slice(0, 5);
  const secret = `${name}-token-${suffix}`;
  if (context.store.get('secrets', namespace, secret) === undefined) {
    context.create('secrets', {
      metadata: newMetadata(secret, namespace, { annotations: { [ACCOUNT]: name } }),
      type: TOKEN_TYPE,
    });
  }
  context.store.put('serviceaccounts', { ...account, secrets: [{ name: secret }] });
}

/** A secret made for a service account's token gets it; one whose account has gone goes too. */
export function reconcileSecret(context: ControllerContext, secret: KubeObject): void {
  if (secret['type'] !== TOKEN_TYPE) return;
  const { namespace, annotations } = secret.metadata;
  const account = context.store.get('serviceaccounts', namespace, annotations?.[ACCOUNT] ?? '');
  if (account === undefined) {
    context.delete('secrets', secret);
    return;
  }
  const data = fieldsOf(secret['data']);
  if (data['token'] !== undefined) return;
  const { name, uid } = account.metadata;
  const { token } = context.cluster.signToken({ namespace: namespace ?? '', name, uid }, TOKEN_SECONDS);
  const encode = (text: string): string => Buffer.from(text, 'utf8').toString('base64');
  const authority = new X509Certificate(context.cluster.spec.authority.certificate).toString();
  context.store.put('secrets', {
    ...secret,
    metadata: { ...secret.metadata, annotations: { ...annotations, [ACCOUNT_UID]: uid } },
    data: { ...data, 'ca.crt': encode(authority), namespace: encode(namespace ?? ''), token: encode(token) },
  });
}
