import type { ConductorConfig } from '../../config.ts';

/** What a site lets an application's namespace have. */
export interface NamespacePolicy {
  /** The level of Kubernetes' Pod Security that pods must keep to, where the cluster knows it (from 1.23). */
  podSecurity: 'privileged' | 'baseline' | 'restricted';
  /** `spec.hard` of the ResourceQuota; empty: none. */
  quota: Record<string, string>;
  /** `spec.limits` of the LimitRange; empty: none. */
  limits: { type: string; [bound: string]: Record<string, string> | string }[];
}

/** Reads the policy from the conductor's configuration, whose patterns have been checked. */
export function namespacePolicy(
  config: Pick<
    ConductorConfig,
    'CETUS_POD_SECURITY_LEVEL' | 'CETUS_NAMESPACE_QUOTA' | 'CETUS_NAMESPACE_LIMITS'
  >,
): NamespacePolicy {
  return {
    podSecurity: config.CETUS_POD_SECURITY_LEVEL,
    quota: Object.fromEntries(pairs(config.CETUS_NAMESPACE_QUOTA)),
    limits: limitsOf(pairs(config.CETUS_NAMESPACE_LIMITS)),
  };
}

/** `a=1,b=2`, with or without spaces. */
function pairs(text: string): [key: string, value: string][] {
  return text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '')
    .map((one) => {
      const [key = '', value = ''] = one.split('=');
      return [key.trim(), value.trim()];
    });
}

/** `Container.max.cpu` → `{type: Container, max: {cpu}}`, one item a type. */
function limitsOf(given: readonly [string, string][]): NamespacePolicy['limits'] {
  const items = new Map<string, NamespacePolicy['limits'][number]>();
  for (const [path, value] of given) {
    const [type = '', bound = '', ...resource] = path.split('.');
    const item = items.get(type) ?? { type };
    const before = item[bound];
    item[bound] = { ...(typeof before === 'object' ? before : {}), [resource.join('.')]: value };
    items.set(type, item);
  }
  return [...items.values()];
}
