/** The path of a field, with slashes: a JSON Pointer without the leading one, such as `containers/0/env/2/name`. */
export function pointer(...segments: (string | number)[]): string {
  return segments.map((segment) => String(segment).replaceAll('~', '~0').replaceAll('/', '~1')).join('/');
}
