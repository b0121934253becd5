import { JinjaFailure } from './jinja-error.js';
import { formatFloat, signOf } from './percent-format.js';
import { floatRepr } from './python-number.js';
import { textLength, toRepr, toText } from './python-text.js';
import { isNumber, type KeywordArguments, typeName, type Value } from './value.js';
import type { Work } from './work.js';

export type FieldAccess = (object: Value, name: string, isItem: boolean) => Value;

const FIELD = /\{\{|\}\}|\{([^{}!:]*)(?:!([rsa]))?(?::([^{}]*(?:\{[^{}]*\}[^{}]*)*))?\}|[{}]/g;

/** Python's `text.format(...)`; attributes go through `access`, which keeps the sandbox. */
export function formatBraces(
  text: string,
  args: readonly Value[],
  kwargs: KeywordArguments,
  access: FieldAccess,
  work: Work,
): string {
  let next = 0;
  const resolve = (field: string): Value => {
    const [, head = '', path = ''] = /^([^.[]*)(.*)$/s.exec(field) ?? [];
    const index = head === '' ? next++ : /^\d+$/.test(head) ? Number(head) : undefined;
    let value = index === undefined ? kwargs.get(head) : args[index];
    if (value === undefined) {
      throw new JinjaFailure('value', `expected a value for the field {${head}} of format, received none`);
    }
    for (const [, attribute, item] of path.matchAll(/\.([^.[]+)|\[([^\]]*)\]/g)) {
      value = attribute !== undefined ? access(value, attribute, false) : access(value, item ?? '', true);
    }
    return value;
  };
  work.text(text.length);
  const result = text.replace(FIELD, (whole, field?: string, conversion?: string, specification?: string) => {
    if (whole === '{{' || whole === '}}') return whole[0]!;
    if (field === undefined) throw new JinjaFailure('value', `expected paired braces in format, received ${whole}`);
    let value = resolve(field);
    if (conversion !== undefined) value = conversion === 's' ? toText(value, work) : toRepr(value, work);
    const spec = specification?.replace(/\{([^{}]*)\}/g, (_, inner: string) => toText(resolve(inner), work)) ?? '';
    return formatValue(value, spec, work);
  });
  work.text(result.length);
  return result;
}

const SPECIFICATION = /^(?:(.)?([<>=^]))?([-+ ])?(#)?(0)?(\d+)?([,_])?(?:\.(\d+))?([bcdeEfFgGnosxX%])?$/su;

/** Python's `format(value, specification)`. */
export function formatValue(value: Value, specification: string, work: Work): string {
  if (specification === '') return toText(value, work);
  const match = SPECIFICATION.exec(specification);
  if (!match)
    throw new JinjaFailure('value', `expected a format specification, received ${JSON.stringify(specification)}`);
  const [, fill, align, sign = '', alternate, zero, width = '0', grouping, precision, kind] = match;
  work.text(Number(width) + Number(precision ?? 0));
  if (Number(precision ?? 0) > 1000) throw new JinjaFailure('limit', 'expected a precision of at most 1000');
  const isNumeric = isNumber(value) && !(typeof value === 'boolean' && kind === undefined);
  let prefix = '';
  let body: string;
  if (isNumeric) {
    [prefix, body] = numberParts(value, { sign, alternate, grouping, precision, kind });
  } else {
    if (kind !== undefined && kind !== 's') {
      throw new JinjaFailure('value', `expected a number for the format ${kind}, received ${typeName(value)}`);
    }
    if (typeof value !== 'string' && typeof value !== 'boolean') {
      throw new JinjaFailure('type', `expected a string or number to format, received ${typeName(value)}`);
    }
    body = toText(value, work);
    if (precision !== undefined) body = [...body].slice(0, Number(precision)).join('');
  }
  const padding = Math.max(0, Number(width) - textLength(prefix + body));
  const filler = fill ?? (zero === undefined ? ' ' : '0');
  switch (align ?? (zero !== undefined && isNumeric ? '=' : isNumeric ? '>' : '<')) {
    case '<':
      return prefix + body + filler.repeat(padding);
    case '>':
      return filler.repeat(padding) + prefix + body;
    case '=':
      return prefix + filler.repeat(padding) + body;
    default:
      return filler.repeat(Math.floor(padding / 2)) + prefix + body + filler.repeat(Math.ceil(padding / 2));
  }
}

interface NumberFormat {
  readonly sign: string;
  readonly alternate: string | undefined;
  readonly grouping: string | undefined;
  readonly precision: string | undefined;
  readonly kind: string | undefined;
}

const RADIX: Readonly<Record<string, number>> = { b: 2, o: 8, x: 16, X: 16 };

function numberParts(value: bigint | number | boolean, format: NumberFormat): [string, string] {
  const { sign, alternate, grouping, precision, kind } = format;
  const isInteger = typeof value !== 'number' && (kind === undefined || 'bcdoxXn'.includes(kind));
  if (isInteger) {
    const integer = BigInt(value);
    if (kind === 'c') return ['', String.fromCodePoint(Number(integer))];
    const radix = RADIX[kind ?? ''] ?? 10;
    let digits = (integer < 0n ? -integer : integer).toString(radix);
    if (kind === 'X') digits = digits.toUpperCase();
    if (grouping !== undefined) digits = group(digits, grouping, radix === 10 ? 3 : 4);
    return [signOf(integer < 0n, sign) + (alternate && radix !== 10 ? `0${kind}` : ''), digits];
  }
  const number = Number(value);
  const size = Math.abs(number);
  let body: string;
  if (kind === '%') body = `${formatFloat(size * 100, 'f', Number(precision ?? 6), false)}%`;
  else if (kind === undefined) {
    body = precision === undefined ? floatRepr(size) : withPoint(formatFloat(size, 'g', Number(precision), false));
  } else if ('eEfFgGn'.includes(kind)) {
    body = formatFloat(size, kind === 'n' ? 'g' : kind, Number(precision ?? 6), alternate !== undefined);
  } else throw new JinjaFailure('value', `expected an int for the format ${kind}, received float`);
  if (grouping !== undefined) body = body.replace(/^\d+/, (digits) => group(digits, grouping, 3));
  return [signOf(number < 0 || Object.is(number, -0), sign), body];
}

/** A float without a format letter keeps a digit behind the point. */
function withPoint(text: string): string {
  return /[.en]/.test(text) ? text : `${text}.0`;
}

function group(digits: string, separator: string, size: number): string {
  const first = digits.length % size || size;
  let grouped = digits.slice(0, first);
  for (let i = first; i < digits.length; i += size) grouped += separator + digits.slice(i, i + size);
  return grouped;
}
