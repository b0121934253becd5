import { toInt } from './numbers.js';
import { pyRepr } from './render.js';
import { PYTHON_SPACE } from './text.js';
import { PythonError, type PyValue, typeError, typeName } from './value.js';

/** A date and time without a zone. */
export interface DateTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

/** CPython's pattern of each directive (Lib/_strptime.py); its \d takes any Unicode digit. */
const DIRECTIVES: { readonly [directive: string]: string } = {
  Y: '(?<Y>\\d\\d\\d\\d)',
  m: '(?<m>1[0-2]|0[1-9]|[1-9])',
  d: '(?<d>3[0-1]|[1-2]\\d|0[1-9]|[1-9]| [1-9])',
  H: '(?<H>2[0-3]|[0-1]\\d|\\d)',
  M: '(?<M>[0-5]\\d|\\d)',
  S: '(?<S>6[0-1]|[0-5]\\d|\\d)',
};

function patternOf(format: string): RegExp {
  const source = format.replace(/%(.)| +/g, (part, directive: string | undefined) =>
    directive === undefined ? `[${PYTHON_SPACE}]+` : (DIRECTIVES[directive] ?? part),
  );
  return new RegExp(`^${source.replaceAll('\\d', '\\p{Nd}')}`, 'u');
}

const FORMATS = {
  '%Y-%m-%d': patternOf('%Y-%m-%d'),
  '%Y-%m-%d %H:%M:%S': patternOf('%Y-%m-%d %H:%M:%S'),
};

/**
 * Python `datetime.strptime(text, format)`.
 *
 * @throws {PythonError} TypeError for other types than str; ValueError with CPython's texts for texts that do not fit.
 */
export function strptime(text: PyValue, format: keyof typeof FORMATS): DateTime {
  // CPython's argument parser names None itself, other values by their type.
  if (typeof text !== 'string') {
    throw typeError(`strptime() argument 1 must be str, not ${text === null ? 'None' : typeName(text)}`);
  }
  const match = FORMATS[format].exec(text);
  if (match === null) throw valueError(`time data ${pyRepr(text)} does not match format ${pyRepr(format)}`);
  if (match[0].length < text.length) throw valueError(`unconverted data remains: ${text.slice(match[0].length)}`);
  const field = (name: string): number => Number(toInt(match.groups?.[name] ?? '0'));
  const [year, month, day] = [field('Y'), field('m'), field('d')];
  if (year < 1) throw valueError('year 0 is out of range');
  if (day > daysInMonth(year, month)) throw valueError('day is out of range for month');
  const second = field('S');
  if (second > 59) throw valueError('second must be in 0..59');
  return { year, month, day, hour: field('H'), minute: field('M'), second };
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}

function valueError(message: string): PythonError {
  return new PythonError('ValueError', message);
}

/** Orders date times as their texts would sort: negative, zero or positive. */
export function compareDateTimes(a: DateTime, b: DateTime): number {
  return (
    a.year - b.year ||
    a.month - b.month ||
    a.day - b.day ||
    a.hour - b.hour ||
    a.minute - b.minute ||
    a.second - b.second
  );
}
