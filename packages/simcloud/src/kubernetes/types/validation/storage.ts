import { at, fieldsOf, isSame, listOf, type Fields, type KubeObject } from '../../objects.ts';
import { parseQuantity } from '../quantity.ts';
import { required, wrong, oneOf, type Problems } from './rules.ts';

const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];

function accessModes(spec: Fields): Problems {
  const modes = listOf(spec['accessModes']);
  if (modes.length === 0) return [required('spec.accessModes', 'at least 1 access mode is required')];
  return modes.flatMap((mode) => oneOf('spec.accessModes', mode, ACCESS_MODES));
}

export function volumeClaim(object: KubeObject, old: KubeObject | undefined): Problems {
  const spec = fieldsOf(object.spec);
  const problems = accessModes(spec);
  const size = at(spec, 'resources', 'requests', 'storage');
  if (size === undefined) problems.push(required('spec.resources[storage]'));
  else if ((parseQuantity(size) ?? 0) <= 0)
    problems.push(wrong('spec.resources[storage]', size, 'must be greater than zero'));
  if (old === undefined) return problems;
  const before = at(old.spec, 'resources', 'requests', 'storage');
  const fixed = (value: Fields): Fields => ({ ...value, resources: undefined, volumeName: undefined });
  if (
    !isSame(fixed(spec), fixed(fieldsOf(old.spec))) ||
    (at(old.spec, 'volumeName') ?? spec['volumeName']) !== spec['volumeName']
  )
    problems.push({
      field: 'spec',
      type: 'Forbidden',
      detail: 'spec is immutable after creation except resources.requests for bound claims',
    });
  else if ((parseQuantity(size) ?? 0) < (parseQuantity(before) ?? 0))
    problems.push({
      field: 'spec.resources.requests.storage',
      type: 'Forbidden',
      detail: 'field can not be less than previous value',
    });
  return problems;
}

export function volume(object: KubeObject): Problems {
  const spec = fieldsOf(object.spec);
  const problems = accessModes(spec);
  if (at(spec, 'capacity', 'storage') === undefined) problems.push(required('spec.capacity'));
  return problems;
}

export function storageClass(object: KubeObject, old: KubeObject | undefined): Problems {
  const problems = object['provisioner'] ? [] : [required('provisioner')];
  if (old !== undefined && !isSame(object['parameters'], old['parameters']))
    problems.push({ field: 'parameters', type: 'Forbidden', detail: 'updates to parameters are forbidden.' });
  return problems;
}
