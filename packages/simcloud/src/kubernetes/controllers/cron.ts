const MINUTE_MS = 60_000;
/** How far ahead a time is looked for: a 29th of February may be eight years away. */
const MOST_DAYS = 366 * 8;
const ALIASES: Record<string, string> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};
const RANGES: readonly [number, number][] = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 6],
];
const NAMES = ['jan feb mar apr may jun jul aug sep oct nov dec', 'sun mon tue wed thu fri sat'].map(
  (names) => names.split(' '),
);

interface Schedule {
  minutes: Set<number>;
  hours: Set<number>;
  days: Set<number>;
  months: Set<number>;
  weekdays: Set<number>;
  /** Cron's rule: of two restricted days either will do. */
  isEitherDay: boolean;
}

function numberOf(text: string, field: number): number {
  const months = NAMES[0]?.indexOf(text.toLowerCase()) ?? -1;
  const weekdays = NAMES[1]?.indexOf(text.toLowerCase()) ?? -1;
  if (field === 3 && months >= 0) return months + 1;
  if (field === 4 && weekdays >= 0) return weekdays;
  return field === 4 && text === '7' ? 0 : Number(text);
}

function valuesOf(text: string, field: number): Set<number> {
  const [least = 0, most = 0] = RANGES[field] ?? [];
  const values = new Set<number>();
  for (const part of text.split(',')) {
    const [range = '*', step] = part.split('/');
    const [from, to] =
      range === '*' || range === '?' ? [least, most] : range.split('-').map((one) => numberOf(one, field));
    const end = to ?? (step === undefined ? (from ?? least) : most);
    for (let value = from ?? least; value <= end; value += Number(step ?? 1)) values.add(value);
  }
  return values;
}

function parse(text: string): Schedule | undefined {
  const fields = (ALIASES[text] ?? text).trim().split(/\s+/);
  if (fields.length !== 5) return undefined;
  const [minutes, hours, days, months, weekdays] = fields.map(valuesOf) as [
    Set<number>,
    Set<number>,
    Set<number>,
    Set<number>,
    Set<number>,
  ];
  const isAny = (index: number): boolean => /^[*?]/.test(fields[index] ?? '');
  return { minutes, hours, days, months, weekdays, isEitherDay: !isAny(2) && !isAny(4) };
}

/** The first time of a cron schedule, in UTC, after a time in milliseconds; undefined when there is none. */
export function nextTime(text: string, after: number): number | undefined {
  const schedule = parse(text);
  if (schedule === undefined) return undefined;
  let time = Math.floor(after / MINUTE_MS) * MINUTE_MS + MINUTE_MS;
  const end = after + MOST_DAYS * 24 * 60 * MINUTE_MS;
  while (time < end) {
    const date = new Date(time);
    const isMonth = schedule.months.has(date.getUTCMonth() + 1);
    const day = schedule.days.has(date.getUTCDate());
    const weekday = schedule.weekdays.has(date.getUTCDay());
    if (!isMonth || !(schedule.isEitherDay ? day || weekday : day && weekday)) {
      time = Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate() + 1);
    } else if (!schedule.hours.has(date.getUTCHours())) {
      time = Math.floor(time / (60 * MINUTE_MS)) * 60 * MINUTE_MS + 60 * MINUTE_MS;
    } else if (!schedule.minutes.has(date.getUTCMinutes())) time += MINUTE_MS;
    else return time;
  }
  return undefined;
}
