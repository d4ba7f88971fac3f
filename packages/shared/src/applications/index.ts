export { namespaceOf } from './namespace.ts';
export { CHANGED, diffSpecs, type Difference } from './diff.ts';
export { withOverrides } from './overrides.ts';
export { HOST_ACCESS, type HostAccess, type Problem } from './problems/problem.ts';
export { problemsOf } from './problems/problems.ts';
export { PULL_SECRET } from './problems/storage-problems.ts';
export { isSystemPriority } from './problems/workload-problems.ts';
export { qosOf, type ContainerQos, type Qos } from './qos.ts';
export {
  canonicalQuantity,
  compareQuantities,
  isSameQuantity,
  milliValue,
  parseQuantity,
  wholeValue,
} from './quantity.ts';
