import { ERRORS } from '@cetus/shared/errors';

/** The table of errors as a page. */
export function errorsPage(): string {
  const rows = Object.entries(ERRORS).map(
    ([code, { status, title, retryable }]) =>
      `| \`${code}\` | ${status} | ${title} | ${retryable ? 'yes' : 'no'} |`,
  );
  return [
    '# Errors',
    '',
    '<!-- Generated from packages/shared/src/errors/table.ts. -->',
    '',
    'Every code that an answer, an operation or a notification can show. An answer has the HTTP status of its first error; an operation',
    'and a notification have the code alone. Retryable: the same action can succeed later without anybody changing anything.',
    '',
    '| Code | HTTP status | Title | Retryable |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}
