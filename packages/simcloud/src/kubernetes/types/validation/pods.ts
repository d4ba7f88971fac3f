import { fieldsOf, isSame, listOf, textOf, type Fields, type KubeObject } from '../../objects.ts';
import { parseQuantity } from '../quantity.ts';
import { required, wrong, oneOf, type Problems, DNS_LABEL, ENV_NAME, LABEL_DETAIL } from './rules.ts';

function resourceProblems(field: string, resources: unknown): Problems {
  const problems: Problems = [];
  for (const kind of ['limits', 'requests']) {
    for (const [name, value] of Object.entries(fieldsOf(fieldsOf(resources)[kind]))) {
      const limit = kind === 'requests' ? fieldsOf(fieldsOf(resources)['limits'])[name] : undefined;
      const amount = parseQuantity(value);
      if (amount !== undefined && amount < 0)
        problems.push(wrong(`${field}.${kind}[${name}]`, value, 'must be greater than or equal to 0'));
      const most = limit === undefined ? undefined : parseQuantity(limit);
      if (amount !== undefined && most !== undefined && amount > most)
        problems.push(wrong(`${field}.requests`, value, `must be less than or equal to ${name} limit`));
    }
  }
  return problems;
}

function containerProblems(field: string, spec: Fields, moreVolumes: readonly unknown[] = []): Problems {
  const problems: Problems = [];
  const names = new Set<unknown>();
  const volumes = new Set([
    ...listOf<Fields>(spec['volumes']).map((volume) => volume['name']),
    ...moreVolumes,
  ]);
  listOf<Fields>(spec['containers']).forEach((container, index) => {
    const here = `${field}.containers[${String(index)}]`;
    const { name, image, imagePullPolicy } = container;
    if (typeof name !== 'string' || name === '') problems.push(required(`${here}.name`));
    else if (!DNS_LABEL.test(name)) problems.push(wrong(`${here}.name`, name, LABEL_DETAIL));
    else if (names.has(name)) problems.push({ field: `${here}.name`, type: 'Duplicate', value: name });
    names.add(name);
    if (typeof image !== 'string' || image === '') problems.push(required(`${here}.image`));
    else if (image !== image.trim())
      problems.push(wrong(`${here}.image`, image, 'must not have leading or trailing whitespace'));
    problems.push(...oneOf(`${here}.imagePullPolicy`, imagePullPolicy, ['Always', 'IfNotPresent', 'Never']));
    listOf<Fields>(container['ports']).forEach((port, at) => {
      const number = port['containerPort'];
      const place = `${here}.ports[${String(at)}].containerPort`;
      if (number === undefined) problems.push(required(place));
      else if (!isPort(number)) problems.push(wrong(place, number, PORT_DETAIL));
    });
    listOf<Fields>(container['env']).forEach((variable, at) => {
      const place = `${here}.env[${String(at)}].name`;
      if (variable['name'] === undefined || variable['name'] === '') problems.push(required(place));
      else if (!ENV_NAME.test(textOf(variable['name'])))
        problems.push(
          wrong(
            place,
            variable['name'],
            "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1', regex used for validation is '[-._a-zA-Z][-._a-zA-Z0-9]*')",
          ),
        );
    });
    listOf<Fields>(container['volumeMounts']).forEach((mount, at) => {
      const place = `${here}.volumeMounts[${String(at)}]`;
      if (!volumes.has(mount['name']))
        problems.push({ field: `${place}.name`, type: 'NotFound', value: mount['name'] });
      if (mount['mountPath'] === undefined || mount['mountPath'] === '')
        problems.push(required(`${place}.mountPath`));
    });
    problems.push(...resourceProblems(`${here}.resources`, container['resources']));
  });
  return problems;
}

export const PORT_DETAIL = 'must be between 1 and 65535, inclusive';

export function isPort(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) < 65_536;
}

export function podSpecProblems(
  field: string,
  spec: Fields,
  restartPolicies: readonly string[],
  moreVolumes: readonly unknown[] = [],
): Problems {
  const problems: Problems = [];
  if (listOf(spec['containers']).length === 0) problems.push(required(`${field}.containers`));
  problems.push(...containerProblems(field, spec, moreVolumes));
  listOf<Fields>(spec['volumes']).forEach((volume, index) => {
    const name = volume['name'];
    const place = `${field}.volumes[${String(index)}].name`;
    if (name === undefined || name === '') problems.push(required(place));
    else if (!DNS_LABEL.test(textOf(name))) problems.push(wrong(place, name, LABEL_DETAIL));
  });
  problems.push(...oneOf(`${field}.restartPolicy`, spec['restartPolicy'], restartPolicies));
  return problems;
}

export function pod(object: KubeObject, old: KubeObject | undefined): Problems {
  const spec = fieldsOf(object.spec);
  const problems = podSpecProblems('spec', spec, ['Always', 'OnFailure', 'Never']);
  if (old === undefined || problems.length > 0) return problems;
  const allowed = (value: Fields): Fields => ({
    ...value,
    nodeName: undefined,
    activeDeadlineSeconds: undefined,
    tolerations: undefined,
    terminationGracePeriodSeconds: undefined,
    containers: listOf<Fields>(value['containers']).map((one) => ({ ...one, image: undefined })),
    initContainers: listOf<Fields>(value['initContainers']).map((one) => ({ ...one, image: undefined })),
  });
  if (!isSame(allowed(spec), allowed(fieldsOf(old.spec)))) {
    problems.push({
      field: 'spec',
      type: 'Forbidden',
      detail:
        'pod updates may not change fields other than `spec.containers[*].image`, `spec.initContainers[*].image`, `spec.activeDeadlineSeconds` or `spec.tolerations` (only additions to existing tolerations)',
    });
  }
  return problems;
}
