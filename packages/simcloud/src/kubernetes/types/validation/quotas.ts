import { at, fieldsOf, listOf, textOf, type Fields, type KubeObject } from '../../objects.ts';
import { quantityText, readQuantity, type Quantity } from '../exact-quantity.ts';
import { LABEL_NAME, LABEL_NAME_DETAIL, required, wrong, type Problems } from './rules.ts';

const COMPUTE = ['cpu', 'memory', 'ephemeral-storage'];
/** What a quota counts under a name without a prefix. */
const STANDARD = new Set([
  ...COMPUTE,
  ...COMPUTE.flatMap((name) => [`requests.${name}`, `limits.${name}`]),
  ...['storage', 'requests.storage', 'persistentvolumeclaims', 'pods', 'services', 'configmaps', 'secrets'],
  ...['replicationcontrollers', 'resourcequotas', 'services.nodeports', 'services.loadbalancers'],
]);
/** What is counted and not measured. */
const WHOLE =
  /^(count\/.*|pods|configmaps|secrets|replicationcontrollers|resourcequotas|persistentvolumeclaims|services(\..*)?)$/;

export function resourceQuota(object: KubeObject): Problems {
  return Object.entries(fieldsOf(at(object.spec, 'hard'))).flatMap(([name, value]) => {
    const field = `spec.hard[${name}]`;
    const amount = readQuantity(value);
    const problems: Problems = [];
    if (!LABEL_NAME.test(name.slice(name.indexOf('/') + 1)))
      problems.push(wrong(field, name, LABEL_NAME_DETAIL));
    else if (!name.includes('/') && !STANDARD.has(name))
      problems.push(
        wrong(field, name, 'must be a standard resource type or fully qualified'),
        wrong(field, name, 'must be a standard resource for quota'),
      );
    if (amount === undefined) problems.push(wrong(field, value, 'must be a quantity'));
    else if (amount.amount < 0n)
      problems.push(wrong(field, textOf(value), 'must be greater than or equal to 0'));
    else if (WHOLE.test(name) && amount.amount % 10n ** 9n !== 0n)
      problems.push(wrong(field, textOf(value), 'must be an integer'));
    return problems;
  });
}

const KINDS = ['Container', 'PersistentVolumeClaim', 'Pod'];

export function limitRange(object: KubeObject): Problems {
  const seen = new Set<unknown>();
  return listOf<Fields>(at(object.spec, 'limits')).flatMap((item, index) => {
    const here = `spec.limits[${String(index)}]`;
    const { type } = item;
    const isTwice = seen.has(type);
    seen.add(type);
    if (!KINDS.includes(textOf(type)) && !textOf(type).includes('/'))
      return [wrong(`${here}.type`, type ?? '', 'must be a standard limit type or fully qualified')];
    if (isTwice) return [{ field: `${here}.type`, type: 'Duplicate' as const, value: type }];
    return rangeProblems(here, item);
  });
}

function rangeProblems(here: string, item: Fields): Problems {
  const problems: Problems = [];
  const { type } = item;
  if (type === 'Pod')
    for (const name of ['default', 'defaultRequest'])
      if (item[name] !== undefined)
        problems.push({
          field: `${here}.${name}`,
          type: 'Forbidden',
          detail: "may not be specified when `type` is 'Pod'",
        });
  if (
    type === 'PersistentVolumeClaim' &&
    at(item['min'], 'storage') === undefined &&
    at(item['max'], 'storage') === undefined
  )
    problems.push(
      required(
        `${here}.limits`,
        'either minimum or maximum storage value is required, but neither was provided',
      ),
    );
  // Each may not be more than those after it.
  const bounds: [string, string][] = [
    ['min', 'min value'],
    ['defaultRequest', 'default request value'],
    ['default', 'default value'],
    ['max', 'max value'],
  ];
  bounds.forEach(([low, lowName], index) => {
    for (const [name, value] of Object.entries(fieldsOf(item[low]))) {
      const amount = readQuantity(value);
      if (amount === undefined) problems.push(wrong(`${here}.${low}[${name}]`, value, 'must be a quantity'));
      const above = bounds.slice(index + 1).find(([high]) => isMore(amount, at(item[high], name)));
      if (amount === undefined || above === undefined) continue;
      const [high, highName] = above;
      const said = low === 'defaultRequest' && high === 'default' ? 'default limit value' : highName;
      const other = quantityText(readQuantity(at(item[high], name)) ?? amount);
      const detail = `${lowName} ${quantityText(amount)} is greater than ${said} ${other}`;
      problems.push(wrong(`${here}.${low}[${name}]`, textOf(value), detail));
    }
  });
  for (const [name, value] of Object.entries(fieldsOf(item['maxLimitRequestRatio']))) {
    const ratio = readQuantity(value);
    if (ratio !== undefined && ratio.amount < 10n ** 9n)
      problems.push(
        wrong(
          `${here}.maxLimitRequestRatio[${name}]`,
          textOf(value),
          `ratio ${quantityText(ratio)} is less than 1`,
        ),
      );
  }
  return problems;
}

function isMore(amount: Quantity | undefined, bound: unknown): boolean {
  const most = readQuantity(bound);
  return amount !== undefined && most !== undefined && amount.amount > most.amount;
}
