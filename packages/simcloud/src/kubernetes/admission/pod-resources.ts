import { at, fieldsOf, listOf, type Fields } from '../objects.ts';
import { larger, NONE, readQuantity, sum, type Quantity } from '../types/exact-quantity.ts';

/** Amounts by the name of their resource: `cpu`, `memory`, … */
export type Amounts = ReadonlyMap<string, Quantity>;
export type Side = 'requests' | 'limits';

/** Reads a map of quantities. */
export function amountsOf(quantities: unknown): Amounts {
  const amounts = new Map<string, Quantity>();
  for (const [name, value] of Object.entries(fieldsOf(quantities))) {
    const amount = readQuantity(value);
    if (amount !== undefined) amounts.set(name, amount);
  }
  return amounts;
}

/** Containers, or containers that run before them. */
export function containersOf(spec: unknown): Fields[] {
  return [...listOf<Fields>(at(spec, 'containers')), ...listOf<Fields>(at(spec, 'initContainers'))];
}

/** What a container asks for, or may use at most. */
export function containerAmounts(container: Fields, side: Side): Amounts {
  return amountsOf(at(container['resources'], side));
}

/** What a pod as a whole asks for: its containers together, or one of those before them, whatever is more, and its overhead. */
export function podAmounts(spec: unknown, side: Side): Amounts {
  const total = new Map<string, Quantity>();
  for (const container of listOf<Fields>(at(spec, 'containers')))
    for (const [name, amount] of containerAmounts(container, side))
      total.set(name, sum(total.get(name) ?? NONE, amount));
  for (const container of listOf<Fields>(at(spec, 'initContainers')))
    for (const [name, amount] of containerAmounts(container, side))
      total.set(name, larger(total.get(name) ?? NONE, amount));
  for (const [name, amount] of amountsOf(at(spec, 'overhead')))
    if (side === 'requests' || total.has(name)) total.set(name, sum(total.get(name) ?? NONE, amount));
  return total;
}
