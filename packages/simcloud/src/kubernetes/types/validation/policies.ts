import {
  at,
  fieldsOf,
  isFields,
  isSame,
  listOf,
  textOf,
  type Fields,
  type KubeObject,
} from '../../objects.ts';
import { oneOf, required, selectorProblems, wrong, type Problems } from './rules.ts';

export function event(object: KubeObject): Problems {
  const about = fieldsOf(object['involvedObject'])['namespace'] ?? '';
  const { namespace = '' } = object.metadata;
  return about === namespace || (about === '' && namespace === 'default')
    ? []
    : [wrong('involvedObject.namespace', about, 'does not match event.namespace')];
}

export function disruptionBudget(object: KubeObject): Problems {
  const spec = fieldsOf(object.spec);
  if (spec['minAvailable'] !== undefined && spec['maxUnavailable'] !== undefined)
    return [wrong('spec', spec, 'minAvailable and maxUnavailable cannot be both set')];
  return [
    ...['minAvailable', 'maxUnavailable'].flatMap((name) => podAmount(`spec.${name}`, spec[name])),
    ...selectorProblems('spec.selector', spec['selector']),
  ];
}

/** A number of pods, or a percentage. */
function podAmount(field: string, value: unknown): Problems {
  if (typeof value === 'number')
    return value < 0 ? [wrong(field, value, 'must be greater than or equal to 0')] : [];
  if (value === undefined) return [];
  const percent = /^(\d+)%$/.exec(textOf(value))?.[1];
  if (percent === undefined)
    return [
      wrong(
        field,
        value,
        "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
      ),
    ];
  return Number(percent) > 100 ? [wrong(field, value, 'must not be greater than 100%')] : [];
}

/** The highest value for other classes than the system's own. */
const HIGHEST_PRIORITY = 1_000_000_000;
const SYSTEM_CLASSES = new Set(['system-node-critical', 'system-cluster-critical']);

export function priorityClass(object: KubeObject, old: KubeObject | undefined): Problems {
  const { name } = object.metadata;
  const { value, preemptionPolicy } = object;
  const problems: Problems = [];
  if (name.startsWith('system-') && !SYSTEM_CLASSES.has(name))
    problems.push({
      field: 'metadata.name',
      type: 'Forbidden',
      detail: `priority class names with 'system-' prefix are reserved for system use only. error: ${name} is not a known system priority class`,
    });
  else if (!name.startsWith('system-') && Number(value) > HIGHEST_PRIORITY)
    problems.push({
      field: 'value',
      type: 'Forbidden',
      detail: `maximum allowed value of a user defined priority is ${String(HIGHEST_PRIORITY)}`,
    });
  problems.push(...oneOf('preemptionPolicy', preemptionPolicy, ['Never', 'PreemptLowerPriority']));
  if (old !== undefined && value !== old['value'])
    problems.push({ field: 'value', type: 'Forbidden', detail: 'may not be changed in an update.' });
  return problems;
}

export function autoscaler(object: KubeObject): Problems {
  const spec = fieldsOf(object.spec);
  const least = Number(spec['minReplicas'] ?? 1);
  const most = spec['maxReplicas'];
  const problems: Problems = [];
  if (least < 1) problems.push(wrong('spec.minReplicas', least, 'must be greater than or equal to 1'));
  if (typeof most !== 'number' || most < 1)
    problems.push(wrong('spec.maxReplicas', most ?? 0, 'must be greater than 0'));
  if (typeof most === 'number' && most < least)
    problems.push(wrong('spec.maxReplicas', most, 'must be greater than or equal to `minReplicas`'));
  for (const name of ['kind', 'name'])
    if (!at(spec, 'scaleTargetRef', name)) problems.push(required(`spec.scaleTargetRef.${name}`));
  listOf<Fields>(spec['metrics']).forEach((metric, index) => {
    problems.push(...metricProblems(`spec.metrics[${String(index)}]`, metric));
  });
  return problems;
}

/** Where each type of metric has its source. */
const METRICS: Readonly<Record<string, string>> = {
  ContainerResource: 'containerResource',
  External: 'external',
  Object: 'object',
  Pods: 'pods',
  Resource: 'resource',
};

function metricProblems(field: string, metric: Fields): Problems {
  const type = textOf(metric['type']);
  if (type === '') return [required(`${field}.type`, 'must specify a metric source type')];
  const name = METRICS[type];
  if (name === undefined) return oneOf(`${field}.type`, type, Object.keys(METRICS));
  const source = metric[name];
  if (!isFields(source))
    return [required(`${field}.${name}`, 'must populate information for the given metric source')];
  const target = fieldsOf(source['target']);
  const isOpen = ['averageUtilization', 'averageValue', 'value'].every((one) => target[one] === undefined);
  if (type !== 'Resource' || !isOpen) return [];
  const detail = 'must set either a target raw value or a target utilization';
  return [required(`${field}.resource.target.averageUtilization`, detail)];
}

export function signingRequest(object: KubeObject, old: KubeObject | undefined): Problems {
  const spec = fieldsOf(object.spec);
  const problems: Problems = [];
  if (listOf(spec['usages']).length === 0) problems.push(required('spec.usages'));
  if (!spec['signerName']) problems.push(required('spec.signerName'));
  const pem = Buffer.from(textOf(spec['request'] ?? ''), 'base64').toString('utf8');
  if (!pem.includes('-----BEGIN CERTIFICATE REQUEST-----') && old === undefined)
    problems.push(wrong('spec.request', spec['request'] ?? '', 'PEM block type must be CERTIFICATE REQUEST'));
  return problems;
}

export function role(object: KubeObject): Problems {
  const isNamespaced = object.metadata.namespace !== undefined;
  return listOf<Fields>(object['rules']).flatMap((rule, index) => {
    const here = `rules[${String(index)}]`;
    const [verbs, groups, resources, urls] = ['verbs', 'apiGroups', 'resources', 'nonResourceURLs'].map(
      (name) => listOf(rule[name]),
    ) as [unknown[], unknown[], unknown[], unknown[]];
    const problems: Problems = [];
    if (verbs.length === 0) problems.push(required(`${here}.verbs`, 'verbs must contain at least one value'));
    if (urls.length > 0) {
      if (isNamespaced)
        problems.push(
          wrong(`${here}.nonResourceURLs`, urls, 'namespaced rules cannot apply to non-resource URLs'),
        );
      if (groups.length + resources.length > 0)
        problems.push(
          wrong(
            `${here}.nonResourceURLs`,
            urls,
            'rules cannot apply to both regular resources and non-resource URLs',
          ),
        );
      return problems;
    }
    if (groups.length === 0)
      problems.push(required(`${here}.apiGroups`, 'resource rules must supply at least one api group'));
    if (resources.length === 0)
      problems.push(required(`${here}.resources`, 'resource rules must supply at least one resource'));
    return problems;
  });
}

const RBAC = 'rbac.authorization.k8s.io';

export function roleBinding(object: KubeObject, old: KubeObject | undefined): Problems {
  const reference = fieldsOf(object['roleRef']);
  const problems = oneOf('roleRef.apiGroup', reference['apiGroup'], [RBAC]);
  const kinds = object.metadata.namespace === undefined ? ['ClusterRole'] : ['ClusterRole', 'Role'];
  problems.push(...oneOf('roleRef.kind', reference['kind'] ?? '', kinds));
  if (!reference['name']) problems.push(required('roleRef.name'));
  listOf<Fields>(object['subjects']).forEach((subject, index) => {
    const here = `subjects[${String(index)}]`;
    const isAccount = subject['kind'] === 'ServiceAccount';
    if (!subject['name']) problems.push(required(`${here}.name`));
    problems.push(...oneOf(`${here}.kind`, subject['kind'] ?? '', ['Group', 'ServiceAccount', 'User']));
    if (subject['apiGroup'] !== undefined && subject['apiGroup'] !== '')
      problems.push(...oneOf(`${here}.apiGroup`, subject['apiGroup'], [isAccount ? '' : RBAC]));
    if (isAccount && !subject['namespace'] && object.metadata.namespace === undefined)
      problems.push(required(`${here}.namespace`));
  });
  if (old !== undefined && !isSame(reference, old['roleRef']))
    problems.push(wrong('roleRef', reference, 'cannot change roleRef'));
  return problems;
}
