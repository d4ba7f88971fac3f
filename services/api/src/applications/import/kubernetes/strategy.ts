import { NumberOrPercent, type ApplicationKind, type UpdateStrategy } from '@cetus/shared/schemas';
import { textOf, type Mapping } from '../mapping.ts';
import { given, matches } from '../values.ts';

const SHARE = NumberOrPercent('');
const MAX_SURGE = 5_000;

/** How the instances of a workload are replaced. */
export function strategyOf(spec: Mapping, kind: ApplicationKind): UpdateStrategy | undefined {
  const strategy = spec.mapping(kind === 'stateless' ? 'strategy' : 'updateStrategy');
  const min_ready_seconds = spec.integer('minReadySeconds', 0, 3_600) || undefined;
  const type = typeOf(strategy);
  const rolling = strategy?.mapping('rollingUpdate');
  const isRolling = type === 'rolling';
  const made = given<UpdateStrategy>({
    type,
    max_surge: isRolling && kind !== 'stateful' ? amountOf(rolling, 'maxSurge') : undefined,
    max_unavailable: isRolling && kind !== 'stateful' ? amountOf(rolling, 'maxUnavailable') : undefined,
    partition:
      isRolling && kind === 'stateful' ? rolling?.integer('partition', 0, MAX_SURGE) || undefined : undefined,
    min_ready_seconds,
  });
  rolling?.rest();
  strategy?.rest();
  const saysNothing = isRolling && Object.keys(made).length === 1;
  return saysNothing ? undefined : made;
}

function typeOf(strategy: Mapping | undefined): UpdateStrategy['type'] {
  const type = strategy?.text('type') ?? 'RollingUpdate';
  if (type === 'Recreate') return 'recreate';
  if (type === 'OnDelete') return 'on_delete';
  if (type !== 'RollingUpdate') strategy?.at.in('type').changed('It is RollingUpdate now.');
  return 'rolling';
}

function amountOf(rolling: Mapping | undefined, key: string): number | string | undefined {
  const value = rolling?.any(key);
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_SURGE) return value;
  const text = textOf(value) ?? '';
  if (/^\d{1,4}$/.test(text) && Number(text) <= MAX_SURGE) return Number(text);
  if (matches(SHARE, text)) return text;
  rolling?.at.in(key).lost('It is not a number, or a share such as 25%.');
  return undefined;
}
