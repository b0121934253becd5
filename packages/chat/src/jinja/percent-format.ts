import { JinjaFailure } from './jinja-error.js';
import { toExponent, toFixedHalfEven, toGeneral } from './python-number.js';
import { toRepr, toText } from './python-text.js';
import { Dict, isNumber, Tuple, typeName, type Value } from './value.js';
import type { Work } from './work.js';

const PLACEHOLDER = /%(?:\(([^)]*)\))?([-+ #0]*)(\*|\d*)(?:\.(\*|\d*))?[hlL]?(.?)/gs;

/** Python's `text % values`. */
export function formatPercent(text: string, values: Value, work: Work): string {
  const args = values instanceof Tuple ? values.items : [values];
  let next = 0;
  let usesKeys = false;
  const take = (): Value => {
    const value = args[next++];
    if (value === undefined) throw new JinjaFailure('type', 'expected as many values as the format has places');
    return value;
  };
  const takeInteger = (): number => {
    const value = take();
    if (typeof value !== 'bigint') throw new JinjaFailure('type', `expected an int for *, received ${typeName(value)}`);
    return Number(value);
  };
  work.text(text.length);
  const result = text.replace(
    PLACEHOLDER,
    (whole, key?: string, flags = '', width = '', precision?: string, kind = '') => {
      if (kind === '%') return '%';
      let fieldWidth = width === '*' ? takeInteger() : Number(width);
      const isLeft = flags.includes('-') || fieldWidth < 0;
      fieldWidth = Math.abs(fieldWidth);
      const places = precision === undefined ? undefined : precision === '*' ? takeInteger() : Number(precision);
      work.text(fieldWidth + (places ?? 0));
      if (places !== undefined && places > 1000)
        throw new JinjaFailure('limit', 'expected a precision of at most 1000');
      let value: Value;
      if (key !== undefined) {
        usesKeys = true;
        if (!(values instanceof Dict)) throw new JinjaFailure('type', 'expected a dict for a format with keys');
        const found = values.get(key);
        if (found === undefined)
          throw new JinjaFailure('value', `expected the key ${JSON.stringify(key)} of the format`);
        value = found;
      } else value = take();
      const body = formatOne(value, kind, flags, places, whole, work);
      if (body.length >= fieldWidth) return body;
      if (isLeft) return body.padEnd(fieldWidth);
      if (!flags.includes('0') || !'diouxXeEfFgG'.includes(kind)) return body.padStart(fieldWidth);
      const prefix = /^[-+ ]?(?:0[xXo])?/.exec(body)![0];
      return prefix + body.slice(prefix.length).padStart(fieldWidth - prefix.length, '0');
    },
  );
  if (next < args.length && !usesKeys && !(values instanceof Dict)) {
    throw new JinjaFailure('type', 'expected a place in the format for every value');
  }
  work.text(result.length);
  return result;
}

function formatOne(
  value: Value,
  kind: string,
  flags: string,
  places: number | undefined,
  whole: string,
  work: Work,
): string {
  switch (kind) {
    case 's':
      return cut(toText(value, work), places);
    case 'r':
    case 'a':
      return cut(toRepr(value, work), places);
    case 'c':
      return typeof value === 'bigint' ? String.fromCodePoint(Number(value)) : toText(value, work);
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'o': {
      if (!isNumber(value))
        throw new JinjaFailure('type', `expected a number for ${whole}, received ${typeName(value)}`);
      if (typeof value === 'number' && !'diu'.includes(kind)) {
        throw new JinjaFailure('type', `expected an int for ${whole}, received float`);
      }
      const integer = toInteger(value);
      const radix = kind === 'o' ? 8 : kind === 'x' || kind === 'X' ? 16 : 10;
      const digits = (integer < 0n ? -integer : integer).toString(radix).padStart(places ?? 0, '0');
      const prefix = flags.includes('#') && radix !== 10 ? `0${kind}` : '';
      return signOf(integer < 0n, flags) + prefix + (kind === 'X' ? digits.toUpperCase() : digits);
    }
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G': {
      if (!isNumber(value))
        throw new JinjaFailure('type', `expected a number for ${whole}, received ${typeName(value)}`);
      const number = Number(value);
      const isNegative = number < 0 || Object.is(number, -0);
      const body = formatFloat(Math.abs(number), kind, places ?? 6, flags.includes('#'));
      return signOf(isNegative, flags) + body;
    }
    default:
      throw new JinjaFailure('value', `expected a format such as %s or %d, received ${whole}`);
  }
}

/** A non-negative number in one of the formats e, f, g, E, F, G. */
export function formatFloat(number: number, kind: string, places: number, isAlternate: boolean): string {
  const isUpper = kind === kind.toUpperCase();
  let body: string;
  if (!Number.isFinite(number)) body = Number.isNaN(number) ? 'nan' : 'inf';
  else if (kind === 'f' || kind === 'F') body = toFixedHalfEven(number, places);
  else if (kind === 'e' || kind === 'E') body = toExponent(number, places);
  else body = toGeneral(number, places, isAlternate);
  return isUpper ? body.toUpperCase() : body;
}

export function signOf(isNegative: boolean, flags: string): string {
  if (isNegative) return '-';
  return flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '';
}

function toInteger(value: bigint | number | boolean): bigint {
  if (typeof value !== 'number') return BigInt(value);
  if (!Number.isFinite(value)) throw new JinjaFailure('value', `expected a finite number, received ${value}`);
  return BigInt(Math.trunc(value));
}

function cut(text: string, places: number | undefined): string {
  return places === undefined ? text : [...text].slice(0, places).join('');
}
