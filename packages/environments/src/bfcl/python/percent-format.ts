import { fixedText, generalText, scientificText } from './float-digits.js';
import { boundedSize, signText } from './format.js';
import { notAnInteger, toInt } from './numbers.js';
import { intToDouble } from './rational.js';
import { intText, pyAscii, pyRepr, pyStr } from './render.js';
import { itemAt } from './subscript.js';
import {
  codePointLength,
  isNumeric,
  PyDict,
  PyTuple,
  PythonError,
  type PyValue,
  typeError,
  typeName,
} from './value.js';

const PLACE = /%(?:\(((?:[^()]|\([^()]*\))*)\))?([-+ #0]*)(\*|\d+)?(?:\.(\*|\d*))?[hlL]?([\s\S])?/gu;

/**
 * Python `text % values`.
 *
 * @throws {PythonError} TypeError and ValueError as Python 3.11 words them.
 */
export function percentFormat(text: string, values: PyValue): string {
  const supply = new Supply(values);
  const result = text.replace(PLACE, (_place, key, flags, width, precision, conversion, offset) => {
    const named = key as string | undefined;
    if (conversion === undefined) throw new PythonError('ValueError', 'incomplete format');
    if (named !== undefined) supply.useMapping();
    const place = supply.place(flags as string, width as string | undefined, precision as string | undefined);
    if (conversion === '%') {
      // A bare one is text; with flags or a width it is a conversion that uses up a value.
      if (_place !== '%%') supply.next(named);
      return '%';
    }
    if (!'diouxXeEfFgGcrsa'.includes(conversion as string)) {
      const code = ((conversion as string).codePointAt(0) as number).toString(16);
      const index = codePointLength(text.slice(0, (offset as number) + (_place as string).length)) - 1;
      throw new PythonError('ValueError', `unsupported format character '${conversion}' (0x${code}) at index ${index}`);
    }
    return place.fill(convert(conversion as string, supply.next(named), place), conversion as string);
  });
  supply.finish();
  return result;
}

/** Hands out the values on the right of `%` in order, or by name. */
class Supply {
  readonly #values: PyValue;
  readonly #items: readonly PyValue[];
  #used = 0;

  constructor(values: PyValue) {
    this.#values = values;
    this.#items = values instanceof PyTuple ? values.items : [values];
  }

  useMapping(): void {
    if (!(this.#values instanceof PyDict)) throw typeError('format requires a mapping');
  }

  next(key?: string): PyValue {
    if (key !== undefined) {
      this.#used = this.#items.length;
      return itemAt(this.#values, key);
    }
    const value = this.#items[this.#used++];
    if (value === undefined) throw typeError('not enough arguments for format string');
    return value;
  }

  place(flags: string, width: string | undefined, precision: string | undefined): Place {
    const starWidth = width === '*' ? this.#star('*') : undefined;
    const size = starWidth === undefined ? boundedSize(width) : boundedSize(String(Math.abs(starWidth)));
    const digits = precision === '*' ? Math.max(0, this.#star('*')) : precision === '' ? 0 : boundedSize(precision);
    return new Place(starWidth !== undefined && starWidth < 0 ? `${flags}-` : flags, size ?? 0, digits);
  }

  #star(wanted: string): number {
    const value = this.next();
    if (typeof value !== 'bigint' && typeof value !== 'boolean') throw typeError(`${wanted} wants int`);
    return boundedSize(String(value).replace('-', '')) === undefined ? 0 : Number(value);
  }

  finish(): void {
    const isUnused = this.#used < this.#items.length;
    const isForgiven = Array.isArray(this.#values) || this.#values instanceof PyDict;
    if (isUnused && !isForgiven) throw typeError('not all arguments converted during string formatting');
  }
}

/** Flags, width and precision of one place. */
class Place {
  readonly flags: string;
  readonly width: number;
  readonly precision: number | undefined;

  constructor(flags: string, width: number, precision: number | undefined) {
    this.flags = flags;
    this.width = width;
    this.precision = precision;
  }

  get sign(): string {
    return this.flags.includes('+') ? '+' : this.flags.includes(' ') ? ' ' : '';
  }

  get isAlternate(): boolean {
    return this.flags.includes('#');
  }

  fill({ head, body, isNumber }: Converted, _conversion: string): string {
    const missing = Math.max(0, this.width - codePointLength(head) - codePointLength(body));
    if (this.flags.includes('-')) return head + body + ' '.repeat(missing);
    if (isNumber && this.flags.includes('0')) return head + '0'.repeat(missing) + body;
    return ' '.repeat(missing) + head + body;
  }
}

/** A value as text: what stands before zeros that fill the width, and what stands after. */
interface Converted {
  readonly head: string;
  readonly body: string;
  readonly isNumber: boolean;
}

function convert(conversion: string, value: PyValue, place: Place): Converted {
  switch (conversion) {
    case 's':
      return textOf(pyStr(value), place);
    case 'r':
      return textOf(pyRepr(value), place);
    case 'a':
      return textOf(pyAscii(value), place);
    case 'c':
      return { head: '', body: characterOf(value), isNumber: false };
    case 'd':
    case 'i':
    case 'u':
    case 'o':
    case 'x':
    case 'X':
      return intOf(conversion, value, place);
    default:
      return floatOf(conversion, value, place);
  }
}

function textOf(text: string, { precision }: Place): Converted {
  const body = precision === undefined ? text : Array.from(text).slice(0, precision).join('');
  return { head: '', body, isNumber: false };
}

function characterOf(value: PyValue): string {
  if (typeof value === 'string' && codePointLength(value) === 1) return value;
  if (typeof value !== 'bigint' && typeof value !== 'boolean') throw typeError('%c requires int or char');
  const code = BigInt(value);
  if (code < 0n || code > 0x10ffffn) throw new PythonError('OverflowError', '%c arg not in range(0x110000)');
  return String.fromCodePoint(Number(code));
}

function intOf(conversion: string, value: PyValue, place: Place): Converted {
  const isDecimal = 'diu'.includes(conversion);
  if (!isNumeric(value) || (typeof value === 'number' && !isDecimal)) {
    const wanted = isDecimal ? 'a real number' : 'an integer';
    throw typeError(`%${conversion} format: ${wanted} is required, not ${typeName(value)}`);
  }
  if (typeof value === 'number' && !Number.isFinite(value)) throw notAnInteger(value);
  const int = toInt(value);
  const magnitude = int < 0n ? -int : int;
  const base = isDecimal ? 10 : conversion === 'o' ? 8 : 16;
  let digits = (isDecimal ? intText(magnitude) : magnitude.toString(base)).padStart(place.precision ?? 0, '0');
  if (conversion === 'X') digits = digits.toUpperCase();
  const prefix = !isDecimal && place.isAlternate ? `0${conversion}` : '';
  return { head: signText(int < 0n, place.sign) + prefix, body: digits, isNumber: true };
}

function floatOf(conversion: string, value: PyValue, place: Place): Converted {
  if (!isNumeric(value)) throw typeError(`must be real number, not ${typeName(value)}`);
  const number = typeof value === 'number' ? value : intToDouble(BigInt(value));
  const magnitude = Math.abs(number);
  const isNegative = number < 0 || Object.is(number, -0);
  const head = signText(isNegative, place.sign);
  const precision = place.precision ?? 6;
  const lower = conversion.toLowerCase();
  let body: string;
  if (!Number.isFinite(magnitude)) body = Number.isNaN(magnitude) ? 'nan' : 'inf';
  else if (lower === 'e') body = scientificText(magnitude, precision, place.isAlternate);
  else if (lower === 'f') body = fixedText(magnitude, precision, place.isAlternate);
  else body = generalText(magnitude, precision, place.isAlternate);
  return { head, body: conversion === lower ? body : body.toUpperCase(), isNumber: true };
}
