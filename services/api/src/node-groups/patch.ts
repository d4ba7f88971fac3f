import { CetusError } from '@cetus/shared/errors';
import { NodeGroupChange, NodeGroupView, type JsonPatch, type NodeGroupSpec } from '@cetus/shared/schemas';
import { compileBody, fieldErrors } from '../http/validation.ts';
import { applyPatch } from '../json-patch.ts';
import { changed, checkCounts } from './node-groups.ts';

const validate = compileBody<NodeGroupChange>(NodeGroupChange);

const CHANGEABLE = new Set(Object.keys(NodeGroupChange.properties));
const LABELS_AND_TAINTS = new Set(['node_labels', 'node_taints']);

/** What a field is when it is removed. */
const DEFAULTS = { min_node_count: 0, max_node_count: null, node_labels: {}, node_taints: [] };

/** The labels or the taints of nodes, if a patch is about them. */
export function nodeFieldOf(patch: JsonPatch): string | undefined {
  return patch.find(({ path }) => LABELS_AND_TAINTS.has(rootOf(path)))?.path.slice(1);
}

/**
 * A node group after a patch.
 * @throws CetusError `unknown_field`, `invalid_field`, `invalid_patch`, `conflict`
 */
export function patchNodeGroup(group: NodeGroupSpec, patch: JsonPatch): NodeGroupSpec {
  patch.forEach(checkOperation);
  if (group.deleted) throw new CetusError('conflict', `The node group ${group.name} is to be deleted`);
  const { min_node_count, max_node_count, node_labels, node_taints } = group;
  const before = { min_node_count, max_node_count, node_labels, node_taints };
  const after = { ...DEFAULTS, ...applyPatch(before, patch) };
  if (!validate(after)) {
    const [first] = fieldErrors(validate.errors ?? [], 'body');
    throw new CetusError(first?.code ?? 'invalid_field', first?.detail ?? 'The result is not acceptable', {
      ...(first === undefined ? {} : { field: first.field }),
    });
  }
  const next = changed(group, after);
  checkCounts(next);
  return next;
}

function checkOperation({ op, path, value }: JsonPatch[number], index: number): void {
  const root = rootOf(path);
  const field = path.slice(1);
  if (!CHANGEABLE.has(root)) {
    if (!Object.hasOwn(NodeGroupView.properties, root))
      throw new CetusError('unknown_field', `${path} is not known`, { field });
    const how = root === 'node_count' ? '; resize changes it' : '';
    throw new CetusError('invalid_field', `${root} cannot be changed by a patch${how}`, { field });
  }
  if (op !== 'remove' && value === undefined) {
    throw new CetusError('invalid_patch', `The operation ${op} needs a value`, { field: `${index}/value` });
  }
}

function rootOf(path: string): string {
  return path.split('/')[1] ?? '';
}
