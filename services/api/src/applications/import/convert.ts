import { MAX_IMPORT_BYTES, type ApplicationImport } from '@cetus/shared/schemas';
import { fromCompose } from './compose/compose.ts';
import type { Conversion } from './converted.ts';
import { fromManifests } from './kubernetes/manifests.ts';
import { isFields } from './mapping.ts';
import { readYaml } from './read-yaml.ts';
import { refuse } from './refuse.ts';
import { ImportReport, Place } from './report.ts';

/** Characters of all forms together: what many share, each of them has. */
const MAX_FORM_CHARACTERS = 8 * 1024 * 1024;

/**
 * Makes applications of a text.
 * @throws CetusError `invalid_field` of `content` when it cannot be read, or is not what it is said to be
 */
export function convert({ format, content, ...options }: ApplicationImport): Conversion {
  if (Buffer.byteLength(content) > MAX_IMPORT_BYTES)
    refuse(`must have at most ${String(MAX_IMPORT_BYTES)} bytes`);
  const { documents, unknownTags } = readYaml(content);
  const report = new ImportReport();
  for (const line of unknownTags)
    new Place(report, 'content').changed(`The tag in line ${String(line)} has no meaning here.`);
  const conversion =
    (format === 'auto' ? formatOf(documents) : format) === 'kubernetes'
      ? fromManifests(documents, options, report)
      : fromCompose(onlyOne(documents), options, report);
  checkSize(conversion);
  return conversion;
}

function formatOf(documents: readonly unknown[]): 'compose' | 'kubernetes' {
  if (documents.some((one) => isFields(one) && 'apiVersion' in one && 'kind' in one)) return 'kubernetes';
  if (documents.some((one) => isFields(one) && 'services' in one)) return 'compose';
  return refuse('has neither services, as a Compose file has, nor objects with apiVersion and kind');
}

function onlyOne(documents: readonly unknown[]): unknown {
  if (documents.length !== 1) refuse('must be one document, as a Compose file is');
  return documents[0];
}

function checkSize({ applications }: Conversion): void {
  let characters = 0;
  for (const { form } of applications) {
    characters += JSON.stringify(form).length;
    if (characters > MAX_FORM_CHARACTERS)
      refuse(`becomes applications of more than ${String(MAX_FORM_CHARACTERS)} characters together`);
  }
}
