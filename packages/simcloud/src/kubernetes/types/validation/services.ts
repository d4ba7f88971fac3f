import { at, fieldsOf, listOf, type Fields, type KubeObject } from '../../objects.ts';
import { required, wrong, oneOf, type Problems, IMMUTABLE } from './rules.ts';
import { isPort, PORT_DETAIL } from './pods.ts';

export function service(object: KubeObject, old: KubeObject | undefined): Problems {
  const spec = fieldsOf(object.spec);
  const { type } = spec;
  const ports = listOf<Fields>(spec['ports']);
  const problems: Problems = [
    ...oneOf('spec.type', type, ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort']),
  ];
  if (ports.length === 0 && type !== 'ExternalName' && spec['clusterIP'] !== 'None')
    problems.push(required('spec.ports'));
  if (type === 'ExternalName' && !spec['externalName']) problems.push(required('spec.externalName'));
  const names = new Set<unknown>();
  ports.forEach((port, index) => {
    const here = `spec.ports[${String(index)}]`;
    if (ports.length > 1 && !port['name']) problems.push(required(`${here}.name`));
    else if (port['name'] && names.has(port['name']))
      problems.push({ field: `${here}.name`, type: 'Duplicate', value: port['name'] });
    names.add(port['name']);
    if (!isPort(port['port'])) problems.push(wrong(`${here}.port`, port['port'] ?? 0, PORT_DETAIL));
    if (port['nodePort'] !== undefined && port['nodePort'] !== 0 && type === 'ClusterIP')
      problems.push({
        field: `${here}.nodePort`,
        type: 'Forbidden',
        detail: "may not be used when `type` is 'ClusterIP'",
      });
  });
  const before = at(old?.spec, 'clusterIP');
  if (before !== undefined && type !== 'ExternalName' && spec['clusterIP'] !== before)
    problems.push(wrong('spec.clusterIP', spec['clusterIP'] ?? '', IMMUTABLE));
  return problems;
}
