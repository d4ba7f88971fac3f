import type { StoredClusterTemplate } from '../schemas/cluster-template.ts';
import { COMMON_SORT_KEYS } from '../schemas/api/sort-keys.ts';
import type { StoredApplication } from '../schemas/application.ts';
import type { StoredCluster } from '../schemas/cluster.ts';
import type { StoredQuota } from '../schemas/quota.ts';
import type { Kind } from './kind.ts';

export const CLUSTER_TEMPLATE: Kind<StoredClusterTemplate> = {
  name: 'clustertemplate',
  collection: 'cluster_templates',
  path: '/v1/clustertemplates',
  service: null,
  sortKeys: COMMON_SORT_KEYS,
  // Public ones are merged into every list, so they are sorted by an index of their own.
  indexes: Object.values(COMMON_SORT_KEYS).map((path) => ({
    key: { 'spec.public': 1, 'spec.hidden': 1, deleted_at: 1, [path]: 1, _id: 1 },
  })),
  alsoVisible: () => ({ 'spec.public': true, 'spec.hidden': false }),
};

export const CLUSTER: Kind<StoredCluster> = {
  name: 'cluster',
  collection: 'clusters',
  path: '/v1/clusters',
  service: 'conductor',
  sortKeys: COMMON_SORT_KEYS,
  unread: [
    ...['secrets', 'kubeconfig', 'driver_state'].map((field) => `status.${field}`),
    'spec.imported.kubeconfig',
    'status.applied_spec.imported.kubeconfig',
  ],
  indexes: [
    // What refers to a template: see `refersTo` of the API's cluster templates. Before anything was applied there is nothing to go back to.
    { key: { 'spec.cluster_template_id': 1, deleted_at: 1 } },
    { key: { 'spec.node_groups.cluster_template_id': 1 }, name: 'template of node groups' },
    ...[
      { name: 'applied template', path: 'cluster_template_id' },
      { name: 'applied template of node groups', path: 'node_groups.cluster_template_id' },
    ].map(({ name, path }) => ({
      key: { [`status.applied_spec.${path}`]: 1 },
      name,
      partialFilterExpression: { 'status.applied_spec.cluster_template_id': { $type: 'string' } },
    })),
    // Those that are to be followed. What is in it changes only with a kubeconfig, not with every lease.
    {
      key: { 'status.kubeconfig.nonce': 1 },
      name: 'followed',
      partialFilterExpression: { 'status.kubeconfig.nonce': { $type: 'string' } },
    },
  ],
};

/** The service, within conductors, that brings applications into clusters: it has a queue of its own. */
export const APPLICATION_SERVICE = 'applications';

export const APPLICATION: Kind<StoredApplication> = {
  name: 'application',
  collection: 'applications',
  path: '/v1/applications',
  service: APPLICATION_SERVICE,
  sortKeys: COMMON_SORT_KEYS,
  uniqueNames: true,
  replaceable: true,
  ownFields: ['revisions'],
  unread: ['spec.sealed', 'status.applied_spec.sealed', 'revisions'],
  indexes: [
    // What is in a cluster, or shall be.
    { key: { 'status.placements.cluster_id': 1, deleted_at: 1 }, name: 'placed' },
    { key: { 'spec.placements.cluster_id': 1, deleted_at: 1 }, name: 'asked for' },
    // What follows the labels of its project's clusters.
    {
      key: { project_id: 1, 'spec.placements.selector': 1 },
      name: 'selectors',
      partialFilterExpression: { 'spec.placements.selector': { $type: 'object' } },
    },
    // What lists are narrowed down to, in the order that they have when nothing else is said; administrators have the first keys.
    { key: { 'spec.kind': 1, deleted_at: 1, project_id: 1, _id: 1 }, name: 'kind' },
    // See `inState`.
    {
      key: { 'operation.state': 1, 'status.state': 1, deleted_at: 1, project_id: 1, _id: 1 },
      name: 'state',
    },
    // See `inHealth`.
    {
      key: {
        'health_conditions.type': 1,
        'health_conditions.status': 1,
        deleted_at: 1,
        project_id: 1,
        _id: 1,
      },
      name: 'health',
    },
  ],
};

export const QUOTA: Kind<StoredQuota> = {
  name: 'quota',
  collection: 'quotas',
  path: '/v1/quotas',
  service: null,
  sortKeys: COMMON_SORT_KEYS,
  indexes: [
    {
      key: { project_id: 1, 'spec.resource': 1 },
      unique: true,
      partialFilterExpression: { deleted_at: null },
    },
  ],
};

/** Every kind there is. */
export const KINDS = [CLUSTER_TEMPLATE, CLUSTER, APPLICATION, QUOTA] as const;
