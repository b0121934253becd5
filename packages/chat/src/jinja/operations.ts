import type { BinaryOperator, CompareOperator } from './ast.js';
import { JinjaFailure } from './jinja-error.js';
import { formatPercent } from './percent-format.js';
import { floorDivide, floorModulo } from './python-number.js';
import { codePoints, compareTexts, textLength } from './python-text.js';
import { Dict, isNumber, Native, Once, Tuple, typeName, Undefined, type Value, View } from './value.js';
import type { Work } from './work.js';

/**
 * What the operators need of a rendering. `plain` gives the text as it reads, of the same length, where texts from outside
 * carry marked characters: comparisons and searches look at that.
 */
export interface Runtime {
  readonly work: Work;
  readonly plain: (text: string) => string;
}

export function isTrue(value: Value): boolean {
  if (value === null || value instanceof Undefined) return false;
  switch (typeof value) {
    case 'boolean':
      return value;
    case 'bigint':
      return value !== 0n;
    case 'number':
      return value !== 0;
    case 'string':
      return value !== '';
  }
  if (Array.isArray(value)) return value.length > 0;
  if (value instanceof Tuple || value instanceof View) return value.items.length > 0;
  return value instanceof Dict ? value.size > 0 : true;
}

/** Items of anything that can be iterated over; a generator is empty afterwards. */
export function iterate(value: Value, { work }: Runtime): readonly Value[] {
  const items = iterableItems(value);
  if (items === undefined)
    throw new JinjaFailure('type', `expected something to iterate over, received ${typeName(value)}`);
  work.spend(items.length);
  return items;
}

export function iterableItems(value: Value): readonly Value[] | undefined {
  if (typeof value === 'string') {
    return [...value];
  }
  if (Array.isArray(value)) return value;
  if (value instanceof Tuple || value instanceof View) return value.items;
  if (value instanceof Dict) return value.keys();
  if (value instanceof Once) return value.take();
  return value instanceof Undefined ? [] : undefined;
}

export function lengthOf(value: Value): number {
  if (typeof value === 'string') return textLength(value);
  if (Array.isArray(value)) return value.length;
  if (value instanceof Tuple || value instanceof View) return value.items.length;
  if (value instanceof Dict) return value.size;
  if (value instanceof Undefined) return 0;
  throw new JinjaFailure('type', `expected something with a length, received ${typeName(value)}`);
}

export function equals(a: Value, b: Value, runtime: Runtime): boolean {
  const { work, plain } = runtime;
  work.spend(1);
  if (a === b) return !(typeof a === 'number' && Number.isNaN(a));
  if (typeof a === 'string' && typeof b === 'string') {
    if (a.length !== b.length) return false;
    work.spend(a.length / 8);
    return plain(a) === plain(b);
  }
  if (isNumber(a) && isNumber(b)) return isSameNumber(numeric(a), numeric(b));
  if (a instanceof Undefined && b instanceof Undefined) return true;
  const [left, right] = [sequenceItems(a), sequenceItems(b)];
  if (left && right) {
    if (typeName(a) !== typeName(b) || left.length !== right.length) return false;
    return work.deeper(() => left.every((item, i) => equals(item, right[i]!, runtime)));
  }
  if (a instanceof Dict && b instanceof Dict) {
    if (a.size !== b.size) return false;
    return work.deeper(() => {
      for (const [key, value] of a.entries()) {
        const other = b.get(key);
        if (other === undefined || !equals(value, other, runtime)) return false;
      }
      return true;
    });
  }
  return false;
}

function sequenceItems(value: Value): readonly Value[] | undefined {
  if (Array.isArray(value)) return value;
  return value instanceof Tuple || value instanceof View ? value.items : undefined;
}

/** An int and a float are equal when their exact values are. */
function isSameNumber(a: bigint | number, b: bigint | number): boolean {
  return a >= b && a <= b;
}

/** Negative, zero, positive; NaN where a NaN makes every order false. */
export function order(a: Value, b: Value, runtime: Runtime): number {
  const { work, plain } = runtime;
  work.spend(1);
  if (isNumber(a) && isNumber(b)) {
    const [x, y] = [numeric(a), numeric(b)];
    return x < y ? -1 : x > y ? 1 : isSameNumber(x, y) ? 0 : Number.NaN;
  }
  if (typeof a === 'string' && typeof b === 'string') {
    work.spend(Math.min(a.length, b.length) / 8);
    return compareTexts(plain(a), plain(b));
  }
  for (const value of [a, b]) if (value instanceof Undefined) throw value.failure();
  if ((Array.isArray(a) && Array.isArray(b)) || (a instanceof Tuple && b instanceof Tuple)) {
    const [left, right] = [sequenceItems(a)!, sequenceItems(b)!];
    return work.deeper(() => {
      for (let i = 0; i < left.length && i < right.length; i++) {
        if (!equals(left[i]!, right[i]!, runtime)) return order(left[i]!, right[i]!, runtime);
      }
      return left.length - right.length;
    });
  }
  throw new JinjaFailure('type', `expected values that can be ordered, received ${typeName(a)} and ${typeName(b)}`);
}

function numeric(value: bigint | number | boolean): bigint | number {
  return typeof value === 'boolean' ? (value ? 1n : 0n) : value;
}

export function contains(container: Value, item: Value, runtime: Runtime): boolean {
  const { work, plain } = runtime;
  if (typeof container === 'string') {
    if (typeof item !== 'string') {
      if (item instanceof Undefined) throw item.failure();
      throw new JinjaFailure('type', `expected a string to look for in a string, received ${typeName(item)}`);
    }
    work.spend(1 + container.length / 8);
    return plain(container).includes(plain(item));
  }
  if (container instanceof Dict) return container.has(item);
  return iterate(container, runtime).some((other) => equals(other, item, runtime));
}

export function compare(operator: CompareOperator, left: Value, right: Value, runtime: Runtime): boolean {
  switch (operator) {
    case '==':
      return equals(left, right, runtime);
    case '!=':
      return !equals(left, right, runtime);
    case 'in':
      return contains(right, left, runtime);
    case 'not in':
      return !contains(right, left, runtime);
    case '<':
      return order(left, right, runtime) < 0;
    case '<=':
      return order(left, right, runtime) <= 0;
    case '>':
      return order(left, right, runtime) > 0;
    case '>=':
      return order(left, right, runtime) >= 0;
  }
}

/** Bits of the largest int that arithmetic makes. */
const MAX_INT_BITS = 16_384;

export function arithmetic(operator: BinaryOperator, left: Value, right: Value, runtime: Runtime): Value {
  for (const value of [left, right]) if (value instanceof Undefined) throw value.failure();
  if (isNumber(left) && isNumber(right)) return numberArithmetic(operator, numeric(left), numeric(right));
  if (operator === '+') {
    if (typeof left === 'string' && typeof right === 'string') {
      runtime.work.text(left.length + right.length);
      return left + right;
    }
    if (Array.isArray(left) && Array.isArray(right)) return joined(left, right, runtime);
    if (left instanceof Tuple && right instanceof Tuple) return new Tuple(joined(left.items, right.items, runtime));
  }
  if (operator === '%' && typeof left === 'string') return formatPercent(left, right, runtime.work);
  if (operator === '*') {
    const [sequence, count] = isNumber(left) ? [right, left] : [left, right];
    const repeated = isNumber(count) && typeof count !== 'number' ? repeat(sequence, count, runtime) : undefined;
    if (repeated !== undefined) return repeated;
  }
  throw new JinjaFailure(
    'type',
    `expected operands that ${operator} can take, received ${typeName(left)} and ${typeName(right)}`,
  );
}

function joined(left: readonly Value[], right: readonly Value[], { work }: Runtime): Value[] {
  work.spend(left.length + right.length);
  return [...left, ...right];
}

function repeat(sequence: Value, times: bigint | boolean, { work }: Runtime): Value | undefined {
  const count = Math.max(0, Number(times));
  if (typeof sequence === 'string') {
    work.text(sequence.length * count);
    return sequence.repeat(count);
  }
  const items = Array.isArray(sequence) ? sequence : sequence instanceof Tuple ? sequence.items : undefined;
  if (items === undefined) return undefined;
  work.spend(items.length * count);
  const all = Array.from({ length: items.length * count }, (_, i) => items[i % items.length] as Value);
  return Array.isArray(sequence) ? all : new Tuple(all);
}

function numberArithmetic(operator: BinaryOperator, left: bigint | number, right: bigint | number): Value {
  if ((operator === '/' || operator === '//' || operator === '%') && Number(right) === 0) {
    throw new JinjaFailure('value', 'expected a divisor other than zero');
  }
  if (typeof left === 'bigint' && typeof right === 'bigint' && operator !== '/') {
    return integerArithmetic(operator, left, right);
  }
  const [x, y] = [toFloat(left), toFloat(right)];
  switch (operator) {
    case '+':
      return x + y;
    case '-':
      return x - y;
    case '*':
      return x * y;
    case '/':
      return x / y;
    case '//':
      return Math.floor((x - floorModulo(x, y)) / y + 0.5);
    case '%':
      return floorModulo(x, y);
    case '**':
      return power(x, y);
  }
}

function integerArithmetic(operator: Exclude<BinaryOperator, '/'>, left: bigint, right: bigint): Value {
  switch (operator) {
    case '+':
      return boundedInteger(left + right);
    case '-':
      return boundedInteger(left - right);
    case '*':
      return boundedInteger(left * right);
    case '//':
      return floorDivide(left, right);
    case '%':
      return left - right * floorDivide(left, right);
    case '**': {
      if (right < 0n) return power(toFloat(left), toFloat(right));
      const bits = left.toString(2).length;
      if (bits > 2 && right * BigInt(bits) > BigInt(2 * MAX_INT_BITS)) throw tooLarge();
      return left >= -1n && left <= 1n
        ? left ** (right % 2n === 0n ? (right === 0n ? 0n : 2n) : 1n)
        : boundedPower(left, right);
    }
  }
}

function boundedPower(base: bigint, exponent: bigint): bigint {
  if (exponent > BigInt(2 * MAX_INT_BITS)) throw tooLarge();
  return boundedInteger(base ** exponent);
}

const INT_BOUND = 1n << BigInt(MAX_INT_BITS);

function boundedInteger(value: bigint): bigint {
  if (value >= INT_BOUND || value <= -INT_BOUND) throw tooLarge();
  return value;
}

function tooLarge(): JinjaFailure {
  return new JinjaFailure('limit', `expected an int of at most ${MAX_INT_BITS} bits`);
}

function toFloat(value: bigint | number): number {
  const float = Number(value);
  if (typeof value === 'bigint' && !Number.isFinite(float)) {
    throw new JinjaFailure('value', 'expected an int that a float can hold');
  }
  return float;
}

function power(base: number, exponent: number): number {
  if (base === 0 && exponent < 0) throw new JinjaFailure('value', 'expected no negative power of zero');
  const result = base ** exponent;
  if (Number.isNaN(result) && !Number.isNaN(base) && !Number.isNaN(exponent)) {
    throw new JinjaFailure('unsupported', 'expected a power that is a real number');
  }
  return result;
}

export function negate(operator: '+' | '-', value: Value): Value {
  if (value instanceof Undefined) throw value.failure();
  if (!isNumber(value))
    throw new JinjaFailure('type', `expected a number after ${operator}, received ${typeName(value)}`);
  const number = numeric(value);
  return operator === '-' ? -number : number;
}

/** `object[start:stop:step]`; undefined where the object has no slices. */
export function slice(
  object: Value,
  bounds: readonly [Value | undefined, Value | undefined, Value | undefined],
  { work }: Runtime,
): Value | undefined {
  const isText = typeof object === 'string';
  const items = isText ? codePoints(object) : sequenceItems(object);
  if (items === undefined) return undefined;
  const step = bound(bounds[2]) ?? 1;
  if (step === 0) throw new JinjaFailure('value', 'expected a slice step other than zero');
  const length = items.length;
  const clamp = (value: number | undefined, ifAbsent: number): number => {
    if (value === undefined) return ifAbsent;
    const index = value < 0 ? value + length : value;
    return step > 0 ? Math.min(Math.max(index, 0), length) : Math.min(Math.max(index, -1), length - 1);
  };
  const start = clamp(bound(bounds[0]), step > 0 ? 0 : length - 1);
  const stop = clamp(bound(bounds[1]), step > 0 ? length : -1);
  work.spend(1 + length / 8);
  if (step === 1) {
    const part = items.slice(start, Math.max(start, stop));
    return isText ? (typeof part === 'string' ? part : part.join('')) : rebuild(object, part as Value[]);
  }
  const picked: Value[] = [];
  for (let i = start; step > 0 ? i < stop : i > stop; i += step) picked.push(items[i]!);
  return isText ? picked.join('') : rebuild(object, picked);
}

function rebuild(object: Value, items: readonly Value[]): Value {
  if (object instanceof Tuple) return new Tuple(items);
  if (object instanceof View) return new View(object.typeName, items, object.text && `range of ${items.length}`);
  return items;
}

function bound(value: Value | undefined): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (value instanceof Undefined) throw value.failure();
  throw new JinjaFailure('type', `expected an int or none as slice bound, received ${typeName(value)}`);
}

/** `object[key]` where there is such an item. */
export function itemOf(object: Value, key: Value): Value | undefined {
  if (object instanceof Dict) {
    const isHashable = key === null || typeof key !== 'object';
    return isHashable ? object.get(key) : undefined;
  }
  if (object instanceof Native) return object.item(key);
  if (typeof key !== 'bigint' && typeof key !== 'boolean') return undefined;
  const index = Number(key);
  if (typeof object === 'string') {
    const characters = codePoints(object);
    return characters[index < 0 ? characters.length + index : index];
  }
  const items = object instanceof View && object.typeName !== 'range' ? undefined : sequenceItems(object);
  return items?.[index < 0 ? items.length + index : index];
}
