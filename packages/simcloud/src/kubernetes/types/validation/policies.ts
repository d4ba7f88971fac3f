import { at, fieldsOf, isSame, listOf, textOf, type Fields, type KubeObject } from '../../objects.ts';
import { required, wrong, oneOf, type Problems } from './rules.ts';

export function event(object: KubeObject): Problems {
  const about = fieldsOf(object['involvedObject'])['namespace'] ?? '';
  const { namespace = '' } = object.metadata;
  return about === namespace || (about === '' && namespace === 'default')
    ? []
    : [wrong('involvedObject.namespace', about, 'does not match event.namespace')];
}

export function disruptionBudget(object: KubeObject): Problems {
  const spec = fieldsOf(object.spec);
  return spec['minAvailable'] !== undefined && spec['maxUnavailable'] !== undefined
    ? [wrong('spec', spec, 'minAvailable and maxUnavailable cannot be both set')]
    : [];
}

export function autoscaler(object: KubeObject): Problems {
  const spec = fieldsOf(object.spec);
  const least = Number(spec['minReplicas'] ?? 1);
  const most = spec['maxReplicas'];
  const problems: Problems = [];
  if (typeof most !== 'number' || most < 1)
    problems.push(wrong('spec.maxReplicas', most ?? 0, 'must be greater than 0'));
  if (typeof most === 'number' && most < least)
    problems.push(wrong('spec.maxReplicas', most, 'must be greater than or equal to `minReplicas`'));
  for (const name of ['kind', 'name'])
    if (!at(spec, 'scaleTargetRef', name)) problems.push(required(`spec.scaleTargetRef.${name}`));
  return problems;
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
  return listOf<Fields>(object['rules']).flatMap((rule, index) =>
    listOf(rule['verbs']).length === 0
      ? [required(`rules[${String(index)}].verbs`, 'verbs must contain at least one value')]
      : [],
  );
}

export function roleBinding(object: KubeObject, old: KubeObject | undefined): Problems {
  const reference = fieldsOf(object['roleRef']);
  const problems = oneOf(
    'roleRef.kind',
    reference['kind'],
    object.metadata.namespace === undefined ? ['ClusterRole'] : ['ClusterRole', 'Role'],
  );
  if (!reference['name']) problems.push(required('roleRef.name'));
  if (old !== undefined && !isSame(reference, old['roleRef']))
    problems.push(wrong('roleRef', reference, 'cannot change roleRef'));
  return problems;
}
