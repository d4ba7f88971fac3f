import type { Fields } from '../objects.ts';
import { notFound } from './status-error.ts';

const COMPONENTS = ['controller-manager', 'etcd-0', 'scheduler'];

/** What `componentstatuses` shows: a list, or one by name. @throws ApiError 404 */
export function componentStatuses(health: ReadonlyMap<string, string>, name: string | undefined): Fields {
  if (name === undefined) {
    return {
      kind: 'ComponentStatusList',
      apiVersion: 'v1',
      metadata: {},
      items: COMPONENTS.map((component) => statusOf(health, component)),
    };
  }
  if (!COMPONENTS.includes(name))
    throw notFound({ group: '', plural: 'componentstatuses', kind: 'ComponentStatus' }, name);
  return { kind: 'ComponentStatus', apiVersion: 'v1', ...statusOf(health, name) };
}

function statusOf(health: ReadonlyMap<string, string>, component: string): Fields {
  const problem = health.get(component.replace(/-0$/, ''));
  const condition =
    problem === undefined
      ? {
          type: 'Healthy',
          status: 'True',
          message: component.startsWith('etcd') ? '{"health":"true"}' : 'ok',
        }
      : { type: 'Healthy', status: 'False', message: problem, error: problem };
  return { metadata: { name: component, creationTimestamp: null }, conditions: [condition] };
}
