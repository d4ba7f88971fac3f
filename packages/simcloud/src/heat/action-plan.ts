import type { EngineContext, EngineOptions, Verb } from './engine-context.ts';
import { isYes, ownSeconds, TEST } from './resource-types.ts';
import type { ResourceRecord, StackRecord } from './types.ts';

/** How an action of a resource will go. */
interface ActionPlan {
  /** Negative: it never ends. */
  seconds: number;
  /** Null: it ends well. */
  failure: ResourceRecord['willFail'];
}

/** Decides how long an action takes and how it ends: by metadata, by the switches, by its type. */
export function planAction(
  context: EngineContext,
  stack: StackRecord,
  record: ResourceRecord,
  type: string,
  verb: Verb,
  valueChanged: boolean,
): ActionPlan {
  const metadata = record.properties['metadata'] as
    { fake_wait_secs?: unknown; fake_fail?: unknown } | null | undefined;
  const fakeFailure = (why: string) => ({
    kind: 'FakeFailure',
    message: `fake failure of ${record.type}: ${why}`,
  });
  if (
    metadata !== null &&
    metadata !== undefined &&
    ('fake_wait_secs' in metadata || 'fake_fail' in metadata)
  ) {
    return {
      seconds: Number(metadata.fake_wait_secs ?? 0),
      failure: metadata.fake_fail === verb ? fakeFailure('asked for by metadata') : null,
    };
  }
  const rootName = context.store.byId(stack.rootId)?.name ?? stack.name;
  const fault = context.switches.fault(verb, record.name, record.type, rootName);
  const seconds =
    fault?.wait_secs ??
    ownSeconds(type, verb, record.properties, valueChanged) ??
    configuredSeconds(context.options, record, verb);
  if (fault?.fail !== undefined) return { seconds, failure: fakeFailure(fault.fail) };
  if (type === TEST && verb !== 'delete' && isYes(record.properties['fail'])) {
    return { seconds, failure: { kind: 'ValueError', message: `Test Resource failed ${record.name}` } };
  }
  return { seconds, failure: null };
}

function configuredSeconds({ resourceSeconds }: EngineOptions, record: ResourceRecord, verb: Verb): number {
  for (const key of [`name:${record.name}`, record.type, '*']) {
    const value = resourceSeconds[key];
    const seconds = typeof value === 'number' ? value : value?.[verb];
    if (seconds !== undefined) return seconds;
  }
  return 0;
}
