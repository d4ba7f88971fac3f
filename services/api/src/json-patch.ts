import { CetusError } from '@cetus/shared/errors';
import type { JsonPatch } from '@cetus/shared/schemas';
import fastJsonPatch from 'fast-json-patch';

/**
 * Applies a JSON Patch to a copy of a document.
 * @throws CetusError `invalid_patch`, with the path that it could not be applied to
 */
export function applyPatch<T>(document: T, patch: JsonPatch): T {
  try {
    // Validates each operation, leaves the document as it is, and refuses paths to a prototype.
    return fastJsonPatch.applyPatch(document, patch as never, true, false, true).newDocument;
  } catch (cause) {
    const { name, index } = cause as { name?: string; index?: number };
    const operation = index === undefined ? undefined : patch[index];
    const what =
      name === 'TEST_OPERATION_FAILED'
        ? 'The value is not the one that the patch tests for'
        : 'The operation cannot be applied to the object as it is';
    throw new CetusError('invalid_patch', what, {
      cause,
      ...(operation === undefined ? {} : { field: operation.path.slice(1) }),
    });
  }
}
