import { expect, test } from 'vitest';
import { strptime } from './strptime.js';

// Expected texts were printed by CPython 3.11.

const DAY = '%Y-%m-%d';
const SECOND = '%Y-%m-%d %H:%M:%S';

test('one-digit months and days, spaces and Unicode digits are read', () => {
  expect(strptime('2024-1-5', DAY)).toMatchObject({ year: 2024, month: 1, day: 5 });
  expect(strptime('2024-01- 5', DAY)).toMatchObject({ day: 5 });
  expect(strptime('２０24-01-1２', DAY)).toMatchObject({ year: 2024, day: 12 });
  expect(strptime('2024-02-29 \u00a0 1:2:03', SECOND)).toMatchObject({ hour: 1, minute: 2, second: 3 });
});

test('what does not fit raises with the texts of CPython', () => {
  const failures = [
    ['0000-01-01', DAY, 'year 0 is out of range'],
    ['2024-02-30', DAY, 'day is out of range for month'],
    ['2023-02-29', DAY, 'day is out of range for month'],
    ['2024-01-0５', DAY, "time data '2024-01-0５' does not match format '%Y-%m-%d'"],
    ['2024-13-01', DAY, "time data '2024-13-01' does not match format '%Y-%m-%d'"],
    ['2024-01-32', DAY, 'unconverted data remains: 2'],
    ['2024-01-01 00:00:61', SECOND, 'second must be in 0..59'],
    [5n, DAY, 'strptime() argument 1 must be str, not int'],
    [null, DAY, 'strptime() argument 1 must be str, not None'],
  ] as const;
  for (const [text, format, message] of failures) expect(() => strptime(text, format)).toThrow(message);
});
