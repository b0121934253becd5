import { PyComplex } from './complex.js';
import { fixedText, generalText, scientificText } from './float-digits.js';
import { intToDouble } from './rational.js';
import { floatText, intText, pyStr } from './render.js';
import { codePointLength, isNumeric, PythonError, type PyValue, typeError, typeName } from './value.js';

/** Widths and precisions beyond this end as MemoryError. */
const MAX_WIDTH = 20_000;

const SPECIFICATION = /^(?:([\s\S])?([<>=^]))?([-+ ])?(z)?(#)?(0)?(\d+)?([,_])?(?:\.(\d+))?([\s\S])?$/u;

interface Specification {
  readonly fill: string;
  readonly align: string;
  readonly sign: string;
  readonly isAlternate: boolean;
  readonly width: number;
  readonly grouping: string;
  readonly precision: number | undefined;
  readonly type: string;
}

/**
 * Python `format(value, specification)`.
 *
 * @throws {PythonError} ValueError and TypeError as Python 3.11 words them; MemoryError for absurd widths.
 */
export function formatValue(value: PyValue, specification: string): string {
  if (specification === '') return pyStr(value);
  if (typeof value !== 'string' && !isNumeric(value)) {
    if (value instanceof PyComplex) throw new PythonError('ValueError', 'formats of complex numbers are not supported');
    throw typeError(`unsupported format string passed to ${typeName(value)}.__format__`);
  }
  const parsed = parseSpecification(specification, typeName(value));
  if (typeof value === 'string') return formatText(value, parsed);
  if (typeof value === 'number') return formatFloat(value, parsed, 'float');
  return formatInt(BigInt(value), parsed, typeName(value));
}

/**
 * Python `format(value, '.2f')` and the like.
 *
 * @param digits - decimals.
 * @throws {PythonError} ValueError for str, TypeError for what has no format, OverflowError for ints beyond a double.
 */
export function formatDecimals(value: PyValue, digits: number): string {
  return formatValue(value, `.${digits}f`);
}

function parseSpecification(text: string, name: string): Specification {
  const isText = name === 'str';
  const match = SPECIFICATION.exec(text);
  if (match === null) {
    throw new PythonError('ValueError', `Invalid format specifier '${text}' for object of type '${name}'`);
  }
  if (match[10] === '.') throw new PythonError('ValueError', 'Format specifier missing precision');
  const [, fill, align, sign = '', negativeZero, alternate, zero, width, grouping = '', precision, type = ''] = match;
  if (negativeZero !== undefined) throw new PythonError('ValueError', 'the option z is not supported');
  return {
    fill: fill ?? (zero !== undefined && align === undefined ? '0' : zero !== undefined ? '0' : ' '),
    align: align ?? (zero !== undefined && !isText ? '=' : isText ? '<' : '>'),
    sign,
    isAlternate: alternate !== undefined,
    width: boundedSize(width) ?? 0,
    grouping,
    precision: boundedSize(precision),
    type,
  };
}

/** A width or precision read from its digits. */
export function boundedSize(digits: string | undefined): number | undefined {
  if (digits === undefined) return undefined;
  const size = Number(digits);
  if (size > Number.MAX_SAFE_INTEGER) {
    throw new PythonError('ValueError', 'Too many decimal digits in format string');
  }
  if (size > MAX_WIDTH) throw new PythonError('MemoryError', '');
  return size;
}

function formatText(value: string, specification: Specification): string {
  const { sign, isAlternate, align, grouping, precision, type } = specification;
  if (type !== '' && type !== 's') throw unknownCode(type, 'str');
  if (grouping !== '') throw new PythonError('ValueError', `Cannot specify '${grouping}' with 's'.`);
  if (sign !== '') {
    const what = sign === ' ' ? 'Space' : 'Sign';
    throw new PythonError('ValueError', `${what} not allowed in string format specifier`);
  }
  if (isAlternate) throw new PythonError('ValueError', 'Alternate form (#) not allowed in string format specifier');
  if (align === '=') throw new PythonError('ValueError', "'=' alignment not allowed in string format specifier");
  const text = precision === undefined ? value : Array.from(value).slice(0, precision).join('');
  return padded('', text, specification);
}

function unknownCode(type: string, name: string): PythonError {
  const code = type.codePointAt(0) as number;
  const shown = code > 32 && code < 128 ? type : `\\x${code.toString(16)}`;
  return new PythonError('ValueError', `Unknown format code '${shown}' for object of type '${name}'`);
}

const RADIX: { readonly [type: string]: { readonly base: number; readonly prefix: string } } = {
  b: { base: 2, prefix: '0b' },
  o: { base: 8, prefix: '0o' },
  x: { base: 16, prefix: '0x' },
  X: { base: 16, prefix: '0X' },
};

function formatInt(value: bigint, specification: Specification, name: string): string {
  const { sign, isAlternate, grouping, precision, type } = specification;
  if ('eEfFgG%'.includes(type) && type !== '') return formatFloat(intToDouble(value), specification, 'int');
  if (type !== '' && !'bcdnoxX'.includes(type)) throw unknownCode(type, name === 'bool' ? 'bool' : 'int');
  if (precision !== undefined) {
    throw new PythonError('ValueError', 'Precision not allowed in integer format specifier');
  }
  if (type === 'c') return characterText(value, specification);
  if (grouping !== '' && (type === 'n' || (grouping === ',' && type !== '' && type !== 'd'))) {
    throw new PythonError('ValueError', `Cannot specify '${grouping}' with '${type}'.`);
  }
  const magnitude = value < 0n ? -value : value;
  const radix = RADIX[type];
  let digits = radix === undefined ? intText(magnitude) : magnitude.toString(radix.base);
  if (type === 'X') digits = digits.toUpperCase();
  const head = signText(value < 0n, sign) + (radix !== undefined && isAlternate ? radix.prefix : '');
  return padded(head, digits, specification, grouping === '' ? 0 : radix === undefined ? 3 : 4);
}

function characterText(value: bigint, specification: Specification): string {
  if (specification.sign !== '') {
    throw new PythonError('ValueError', "Sign not allowed with integer format specifier 'c'");
  }
  if (specification.isAlternate) {
    throw new PythonError('ValueError', "Alternate form (#) not allowed with integer format specifier 'c'");
  }
  if (specification.grouping !== '') {
    throw new PythonError('ValueError', `Cannot specify '${specification.grouping}' with 'c'.`);
  }
  if (value < 0n || value > 0x10ffffn) throw new PythonError('OverflowError', '%c arg not in range(0x110000)');
  return padded('', String.fromCodePoint(Number(value)), specification);
}

function formatFloat(value: number, specification: Specification, name: string): string {
  const { sign, isAlternate, grouping, precision, type } = specification;
  if (type !== '' && !'eEfFgGn%'.includes(type)) throw unknownCode(type, name);
  if (type === 'n' && grouping !== '') throw new PythonError('ValueError', `Cannot specify '${grouping}' with 'n'.`);
  const isNegative = value < 0 || Object.is(value, -0);
  const number = Math.abs(type === '%' ? value * 100 : value);
  const head = signText(isNegative, sign);
  if (!Number.isFinite(number)) {
    const text = `${Number.isNaN(number) ? 'nan' : 'inf'}${type === '%' ? '%' : ''}`;
    return padded(
      Number.isNaN(number) ? signText(false, sign) : head,
      /[EFG]/.test(type) ? text.toUpperCase() : text,
      specification,
    );
  }
  const text = floatDigits(number, type, precision, isAlternate);
  const whole = /^\d+/.exec(text)?.[0] ?? '';
  return padded(head, whole, specification, grouping === '' ? 0 : 3, text.slice(whole.length));
}

function floatDigits(magnitude: number, type: string, precision: number | undefined, isAlternate: boolean): string {
  switch (type) {
    case '':
      return precision === undefined ? floatText(magnitude) : generalText(magnitude, precision, isAlternate, true);
    case 'e':
    case 'E': {
      const text = scientificText(magnitude, precision ?? 6, isAlternate);
      return type === 'E' ? text.toUpperCase() : text;
    }
    case 'f':
    case 'F':
      return fixedText(magnitude, precision ?? 6, isAlternate);
    case '%':
      return `${fixedText(magnitude, precision ?? 6, isAlternate)}%`;
    default: {
      const text = generalText(magnitude, precision ?? 6, isAlternate);
      return type === 'G' ? text.toUpperCase() : text;
    }
  }
}

/** What stands before the digits. */
export function signText(isNegative: boolean, sign: string): string {
  if (isNegative) return '-';
  return sign === '+' || sign === ' ' ? sign : '';
}

/**
 * `head + digits + tail` in the width of the specification.
 *
 * @param group - digits between two separators; 0: none. Zeros that fill the width are grouped too.
 */
function padded(head: string, digits: string, specification: Specification, group = 0, tail = ''): string {
  const { fill, align, width, grouping } = specification;
  let body = group === 0 ? digits : grouped(digits, grouping, group);
  if (group > 0 && fill === '0' && align === '=') {
    const room = width - codePointLength(head) - tail.length;
    for (let zeros = digits; body.length < room; ) {
      zeros = `0${zeros}`;
      body = grouped(zeros, grouping, group);
    }
  }
  const missing = Math.max(0, width - codePointLength(head) - codePointLength(body) - tail.length);
  const filling = fill.repeat(missing);
  switch (align) {
    case '<':
      return head + body + tail + filling;
    case '=':
      return head + filling + body + tail;
    case '^': {
      const left = Math.floor(missing / 2);
      return fill.repeat(left) + head + body + tail + fill.repeat(missing - left);
    }
    default:
      return filling + head + body + tail;
  }
}

function grouped(digits: string, separator: string, size: number): string {
  const first = digits.length % size || size;
  let text = digits.slice(0, first);
  for (let index = first; index < digits.length; index += size) text += separator + digits.slice(index, index + size);
  return text;
}
