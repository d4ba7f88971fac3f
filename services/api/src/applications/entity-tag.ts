import { createHash } from 'node:crypto';
import type { StoredApplication } from '@cetus/shared/schemas';
import { entityTag } from '@cetus/shared/store';
import type { FastifyRequest } from 'fastify';
import { ifMatchOf as tagsOf } from '../http/index.ts';
import { reachable, type ClusterFacts } from './presenter.ts';

const OF_VIEW = /"([0-9a-f-]{36}-[0-9]+)\.[0-9a-f]{12}"/g;

/**
 * The entity tag of an application as it is shown, with what is shown of its clusters, which change without it. When those last answered
 * is left out: it changes all the time.
 */
export function viewTag(application: StoredApplication, clusters: ClusterFacts): string {
  const shown = [...clusters]
    .map(([id, { name, status, health }]) => [id, name, status.node_addresses, reachable(health)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const digest = createHash('sha256').update(JSON.stringify(shown)).digest('hex').slice(0, 12);
  return entityTag(application).replace(/"$/, `.${digest}"`);
}

/** The If-Match of a request: a change is conditional on the application, not on how its clusters are. */
export function ifMatchOf(request: FastifyRequest): { ifMatch?: string } {
  const { ifMatch } = tagsOf(request);
  return ifMatch === undefined ? {} : { ifMatch: ifMatch.replace(OF_VIEW, '"$1"') };
}
