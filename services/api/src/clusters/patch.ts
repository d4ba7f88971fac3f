import { CetusError } from '@cetus/shared/errors';
import { ClusterResize, type ClusterSpec, type JsonPatch } from '@cetus/shared/schemas';
import { compileBody, fieldErrors } from '../http/validation.ts';
import { applyPatch } from '../json-patch.ts';

const validateCount = compileBody<ClusterResize>(ClusterResize);

/**
 * The specification after a patch. Only the number of workers can be changed once a cluster is accepted, as in Magnum.
 * @throws CetusError `invalid_patch`, `invalid_field`, `unsupported`
 */
export function patchedSpec(spec: ClusterSpec, patch: JsonPatch): ClusterSpec {
  for (const [index, { op, path }] of patch.entries()) {
    if (path === '/health_status' || path === '/health_status_reason') {
      throw new CetusError('unsupported', 'The health of a cluster is found out, not set', {
        field: path.slice(1),
      });
    }
    if (path !== '/node_count') {
      throw new CetusError('invalid_field', `${path} cannot be changed; node_count can`, {
        field: path.slice(1),
      });
    }
    if (op === 'remove') {
      throw new CetusError('invalid_field', 'node_count cannot be removed', { field: 'node_count' });
    }
    if (patch[index]?.value === undefined) {
      throw new CetusError('invalid_patch', `The operation ${op} needs a value`, { field: `${index}/value` });
    }
  }
  const document = applyPatch({ node_count: spec.node_count }, patch);
  if (!validateCount(document)) {
    const [first] = fieldErrors(validateCount.errors ?? [], 'node_count');
    throw new CetusError('invalid_field', first?.detail ?? 'node_count is not acceptable', {
      field: 'node_count',
    });
  }
  return { ...spec, node_count: document.node_count };
}
