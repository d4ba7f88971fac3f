import assert from 'node:assert/strict';
import { nextTime } from '../../src/kubernetes/controllers/cron.ts';

const next = (schedule: string, after: string): string | undefined => {
  const time = nextTime(schedule, Date.parse(after));
  return time === undefined ? undefined : new Date(time).toISOString();
};

describe('cron schedules', () => {
  for (const [schedule, after, expected] of [
    ['*/15 * * * *', '2026-03-01T10:07:30Z', '2026-03-01T10:15:00.000Z'],
    ['0 0 * * *', '2026-03-01T00:00:00Z', '2026-03-02T00:00:00.000Z'],
    ['30 4 1,15 * 5', '2026-03-01T04:30:00Z', '2026-03-06T04:30:00.000Z'],
    ['0 12 * jan sun', '2026-03-01T00:00:00Z', '2027-01-03T12:00:00.000Z'],
    ['0 0 29 2 *', '2026-03-01T00:00:00Z', '2028-02-29T00:00:00.000Z'],
    ['@hourly', '2026-12-31T23:59:59Z', '2027-01-01T00:00:00.000Z'],
    ['0 0 31 2 *', '2026-03-01T00:00:00Z', undefined],
  ] as const) {
    it(`${schedule} after ${after}`, () => assert.equal(next(schedule, after), expected));
  }
});
