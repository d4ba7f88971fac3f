const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

/** Source: the standard parser of github.com/robfig/cron v3, which Kubernetes reads schedules with. */
const FIELDS = [
  { what: 'minute', least: 0, most: 59, names: [] },
  { what: 'hour', least: 0, most: 23, names: [] },
  { what: 'day of the month', least: 1, most: 31, names: [] },
  { what: 'month', least: 1, most: 12, names: MONTHS },
  { what: 'day of the week', least: 0, most: 6, names: DAYS },
] as const satisfies readonly { what: string; least: number; most: number; names: readonly string[] }[];

/** What is wrong with a schedule of five fields; undefined: nothing. */
export function scheduleProblem(schedule: string): string | undefined {
  if (schedule.startsWith('@')) return undefined;
  const parts = schedule.split(/ +/);
  for (const [index, field] of FIELDS.entries()) {
    for (const item of (parts[index] ?? '').split(',')) {
      if (!isItem(item, field)) return `has no ${field.what} that is one: ${item}`;
    }
  }
  return undefined;
}

/** `*`, a value or a range, each with a step if need be. */
function isItem(item: string, field: (typeof FIELDS)[number]): boolean {
  const [range = '', step, ...surplus] = item.split('/');
  if (surplus.length > 0 || (step !== undefined && !/^0*[1-9]\d*$/.test(step))) return false;
  if (range === '*' || range === '?') return true;
  const ends = range.split('-').map((end) => numberOf(end, field));
  const [first, last = first] = ends;
  if (ends.length > 2 || first === undefined || last === undefined || ends.includes(undefined)) return false;
  return first >= field.least && last <= field.most && first <= last;
}

function numberOf(text: string, { names, least }: (typeof FIELDS)[number]): number | undefined {
  if (/^\d+$/.test(text)) return Number(text);
  const index = (names as readonly string[]).indexOf(text.toLowerCase());
  return index === -1 ? undefined : index + least;
}
