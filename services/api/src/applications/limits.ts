import type { ApplicationForm } from '@cetus/shared/schemas';

/** Bytes of what an application may be asked to be, as JSON: its files and the values of its secrets are in it. */
export const APPLICATION_BODY_BYTES = 1024 * 1024;

/** Bytes of the revisions of an application that are kept, as JSON: with what is asked for and what was applied they are one document, of 16 MB at most. */
export const MAX_REVISION_BYTES = 4 * APPLICATION_BODY_BYTES;

/** Whether a form, however it came about, is more than one request may bring. */
export function isTooLarge(form: ApplicationForm): boolean {
  return Buffer.byteLength(JSON.stringify(form)) > APPLICATION_BODY_BYTES;
}
