import { parse } from 'yaml';
import { fieldsOf, isFields, listOf, type Fields } from '../objects.ts';

const CLOUD_CONFIG = '#cloud-config';

/**
 * The files that a machine finds at its first boot, by path, from user data in the form of cloud-init or of Ignition;
 * none for user data of another form.
 */
export function bootFiles(userData: string): Map<string, string> {
  if (userData.startsWith(CLOUD_CONFIG)) {
    const files = listOf<Fields>(fieldsOf(parse(userData))['write_files']);
    return new Map(files.map((file) => [String(file['path']), cloudContent(file)]));
  }
  if (!userData.trimStart().startsWith('{')) return new Map();
  const storage = fieldsOf(fieldsOf(JSON.parse(userData))['storage']);
  return new Map(
    listOf<Fields>(storage['files']).map((file) => [String(file['path']), ignitionContent(file)]),
  );
}

function cloudContent({ content, encoding }: Fields): string {
  const text = typeof content === 'string' ? content : '';
  return encoding === 'b64' || encoding === 'base64' ? Buffer.from(text, 'base64').toString('utf8') : text;
}

/** RFC 2397. */
function ignitionContent({ contents }: Fields): string {
  const source = isFields(contents) && typeof contents['source'] === 'string' ? contents['source'] : '';
  const comma = source.indexOf(',');
  const data = source.slice(comma + 1);
  return source.slice(0, comma).endsWith(';base64')
    ? Buffer.from(data, 'base64').toString('utf8')
    : decodeURIComponent(data);
}
