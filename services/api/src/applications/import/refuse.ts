import { CetusError } from '@cetus/shared/errors';

/** What cannot be imported at all. @throws CetusError `invalid_field` */
export function refuse(rule: string): never {
  throw new CetusError('invalid_field', `content ${rule}`, { field: 'content' });
}
