import { CetusError } from '@cetus/shared/errors';
import { guardBackEnd } from '../openstack/back-end-error.ts';
import { InvalidStackInputError, UnsupportedImageError } from './errors.ts';
import { invalidField } from './spec-problems.ts';

/** {@link guardBackEnd}, also for what no stack can be made from. */
export function guardHeat<T>(run: () => Promise<T>): Promise<T> {
  return guardBackEnd(run, (error) => {
    if (error instanceof UnsupportedImageError)
      return new CetusError(error.code, error.message, { cause: error, field: 'image_id' });
    return error instanceof InvalidStackInputError ? invalidField(error) : error;
  });
}
