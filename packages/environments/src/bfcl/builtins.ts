import { attributeOf, isMethodOf } from './python/attributes.js';
import { asIndex, refuseKeywords, takeBetween, takeNamed, takeOne } from './python/builtin-arguments.js';
import { type Arguments, PyCallable } from './python/callable.js';
import { keyOf, pairsOf, reversedItems, sortItems } from './python/collection-methods.js';
import { pyOrder } from './python/compare.js';
import { formatValue } from './python/format.js';
import { PyIterator, PyRange } from './python/iterables.js';
import { notAnInteger, toFloat, toInt, toIntOfBase } from './python/numbers.js';
import { applyBinary } from './python/operators.js';
import { roundDouble, roundInt } from './python/rational.js';
import { pyAscii, pyRepr, pyStr } from './python/render.js';
import {
  isNumeric,
  isTruthy,
  iterate,
  lengthOf,
  PyBytes,
  PyDict,
  PyObject,
  PySet,
  PyTuple,
  PythonError,
  type PyValue,
  typeError,
  typeName,
} from './python/value.js';

/** A builtin function; it checks its own arguments. */
class Builtin extends PyCallable {
  readonly name: string;
  readonly #run: (args: Arguments) => PyValue;

  constructor(name: string, run: (args: Arguments) => PyValue) {
    super();
    this.name = name;
    this.#run = run;
  }

  get typeName(): string {
    return 'builtin_function_or_method';
  }

  repr(): string {
    return `<built-in function ${this.name}>`;
  }

  call(args: Arguments): PyValue {
    return this.#run(args);
  }
}

/** A builtin type: called it converts, and `isinstance` asks it. */
class BuiltinType extends Builtin {
  override get typeName(): string {
    return 'type';
  }

  override repr(): string {
    return `<class '${this.name}'>`;
  }

  /** A method of the type, still without its value: `str.upper` takes the text as its first argument. */
  override attribute(name: string): PyValue | undefined {
    if (this.name === 'dict' && name === 'fromkeys') return dictFromKeys;
    if (!isMethodOf(this.name, name)) return undefined;
    return new Builtin(name, ({ positional: [self, ...positional], keywords }) => {
      if (self === undefined) throw typeError(`unbound method ${this.name}.${name}() needs an argument`);
      if (!this.holds(self)) {
        throw typeError(
          `descriptor '${name}' for '${this.name}' objects doesn't apply to a '${typeName(self)}' object`,
        );
      }
      return (attributeOf(self, name) as PyCallable).call({ positional, keywords });
    });
  }

  /** Bools are ints. */
  holds(value: PyValue): boolean {
    return this.name === 'object' || typeName(value) === this.name || (this.name === 'int' && value === Boolean(value));
  }
}

const dictFromKeys = new Builtin('fromkeys', (args) => {
  const [keys = null, value = null] = takeBetween('dict.fromkeys', 1, 2, args);
  return new PyDict(iterate(keys).map((key) => [key, value] as const));
});

const one = (name: string, run: (value: PyValue) => PyValue) => new Builtin(name, (args) => run(takeOne(name, args)));

const between = (name: string, least: number, most: number, run: (values: readonly PyValue[]) => PyValue) =>
  new Builtin(name, (args) => run(takeBetween(name, least, most, args)));

const type = (name: string, most: number, run: (values: readonly PyValue[]) => PyValue) =>
  new BuiltinType(name, (args) => run(takeBetween(name, 0, most, args)));

/**
 * The Python builtins that calls may use. All are pure: nothing here reaches files, processes, attributes or the state of
 * an instance; `print` prints nothing. Other builtins are unknown names.
 */
export const builtins: ReadonlyMap<string, PyCallable> = new Map(
  [
    one('abs', absolute),
    one('all', (values) => iterate(values).every(isTruthy)),
    one('any', (values) => iterate(values).some(isTruthy)),
    one('ascii', pyAscii),
    one('bin', (value) => radixText(value, 2, '0b')),
    type('bool', 1, ([value = false]) => isTruthy(value)),
    one('callable', (value) => value instanceof PyCallable),
    one('chr', character),
    new BuiltinType('dict', (args) => {
      const { positional, keywords } = args;
      if (positional.length > 1) throw typeError(`dict expected at most 1 argument, got ${positional.length}`);
      return new PyDict([...pairsOf(positional[0]), ...keywords.map(({ name, value }) => [name, value] as const)]);
    }),
    between('divmod', 2, 2, ([a = null, b = null]) => new PyTuple(divmod(a, b))),
    new BuiltinType('enumerate', enumerate),
    new BuiltinType('filter', (args) => {
      const [test = null, items = null] = takeBetween('filter', 2, 2, args);
      return new PyIterator(
        'filter',
        iterate(items).filter((item) => isTruthy(test === null ? item : invoke(test, item))),
      );
    }),
    type('float', 1, ([value = 0]) => toFloat(value)),
    between('format', 1, 2, ([value = null, specification = '']) => {
      if (typeof specification === 'string') return formatValue(value, specification);
      throw typeError(`format() argument 2 must be str, not ${typeName(specification)}`);
    }),
    one('hex', (value) => radixText(value, 16, '0x')),
    new BuiltinType('int', int),
    between('isinstance', 2, 2, ([value = null, kind = null]) => isInstance(value, kind)),
    one('iter', (value) => new PyIterator(`${typeName(value)}_iterator`, iterate(value))),
    one('len', (value) => BigInt(lengthOf(value))),
    type('list', 1, ([value]) => (value === undefined ? [] : iterate(value))),
    new BuiltinType('map', (args) => {
      const [run, ...columns] = args.positional;
      if (run === undefined || columns.length === 0) throw typeError('map() must have at least two arguments.');
      refuseKeywords('map', args);
      return new PyIterator(
        'map',
        zipped(columns).map((row) => invoke(run, ...row)),
      );
    }),
    new Builtin('max', (args) => extremeOf('max', '>', args)),
    new Builtin('min', (args) => extremeOf('min', '<', args)),
    between('next', 1, 2, ([iterator = null, missing]) => {
      if (!(iterator instanceof PyIterator)) throw typeError(`'${typeName(iterator)}' object is not an iterator`);
      const item = iterator.remaining.shift();
      if (item !== undefined) return item;
      if (missing === undefined) throw new PythonError('StopIteration', '');
      return missing;
    }),
    new BuiltinType('object', () => new PyIterator('object', [])),
    one('oct', (value) => radixText(value, 8, '0o')),
    one('ord', ordinal),
    new Builtin('pow', (args) => {
      const [base, exponent, modulus = null] = takeNamed('pow', ['base', 'exp', 'mod'], 3, args);
      if (base === undefined || exponent === undefined) {
        const missing = base === undefined ? 'base' : 'exp';
        throw typeError(`pow() missing required argument '${missing}' (pos ${base === undefined ? 1 : 2})`);
      }
      return modulus === null ? applyBinary('**', base, exponent) : powerModulo(base, exponent, modulus);
    }),
    new Builtin('print', ({ keywords }) => {
      const unknown = keywords.find(({ name }) => !['sep', 'end', 'file', 'flush'].includes(name));
      if (unknown !== undefined) throw typeError(`'${unknown.name}' is an invalid keyword argument for print()`);
      return null;
    }),
    new BuiltinType('range', (args) => range(args)),
    one('repr', pyRepr),
    new BuiltinType('reversed', (args) => reversedItems(takeBetween('reversed', 1, 1, args)[0] as PyValue)),
    new Builtin('round', (args) => {
      const [value, digits = null] = takeNamed('round', ['number', 'ndigits'], 2, args);
      if (value === undefined) throw typeError("round() missing required argument 'number' (pos 1)");
      return pyRound(value, digits);
    }),
    type('set', 1, ([value]) => new PySet(value === undefined ? [] : iterate(value))),
    new Builtin('sorted', ({ positional, keywords }) => {
      const [values] = positional;
      if (values === undefined || positional.length > 1) {
        throw typeError(`sorted expected 1 argument, got ${positional.length}`);
      }
      const [key = null, reverse = false] = takeNamed('sort', ['key', 'reverse'], 0, { positional: [], keywords });
      return sortItems(iterate(values), key, isTruthy(reverse));
    }),
    new BuiltinType('str', (args) => {
      const [value = '', encoding] = takeNamed('str', ['object', 'encoding', 'errors'], 3, args);
      if (encoding === undefined) return pyStr(value);
      if (value instanceof PyBytes) return Buffer.from(value.latin1, 'latin1').toString('utf8');
      const what =
        typeof value === 'string'
          ? 'decoding str is not supported'
          : `decoding to str: need a bytes-like object, ${typeName(value)} found`;
      throw typeError(what);
    }),
    new Builtin('sum', (args) => {
      const { positional } = args;
      if (positional.length === 0) throw typeError('sum() takes at least 1 positional argument (0 given)');
      const [values, start = 0n] = takeNamed('sum', ['', 'start'], 2, args);
      return sum(values as PyValue, start);
    }),
    type('tuple', 1, ([value]) => new PyTuple(value === undefined ? [] : iterate(value))),
    new BuiltinType('type', ({ positional }) => {
      const [value] = positional;
      if (value === undefined || positional.length > 1) throw typeError('type() takes 1 or 3 arguments');
      return typeOf(value);
    }),
    new BuiltinType('zip', (args) => {
      const strict = args.keywords.find(({ name }) => name !== 'strict');
      if (strict !== undefined) throw typeError(`'${strict.name}' is an invalid keyword argument for zip()`);
      return new PyIterator(
        'zip',
        zipped(args.positional).map((row) => new PyTuple(row)),
      );
    }),
  ].map((builtin) => [builtin.name, builtin]),
);

/** What a type has no builtin for; only printed and compared. */
class NamedType extends PyObject {
  readonly name: string;

  constructor(name: string) {
    super();
    this.name = name;
  }

  get typeName(): string {
    return 'type';
  }

  repr(): string {
    return `<class '${this.name}'>`;
  }

  override isEqual(other: PyValue): boolean {
    return other instanceof NamedType && other.name === this.name;
  }
}

function typeOf(value: PyValue): PyValue {
  const name = typeName(value);
  return builtins.get(name) ?? new NamedType(name);
}

function invoke(callable: PyValue, ...positional: PyValue[]): PyValue {
  if (!(callable instanceof PyCallable)) throw typeError(`'${typeName(callable)}' object is not callable`);
  return callable.callWith(...positional);
}

function zipped(columns: readonly PyValue[]): PyValue[][] {
  const lists = columns.map(iterate);
  const length = lists.length === 0 ? 0 : Math.min(...lists.map((list) => list.length));
  return Array.from({ length }, (_, row) => lists.map((list) => list[row] as PyValue));
}

function enumerate(args: Arguments): PyIterator {
  const [items, start = 0n] = takeNamed('enumerate', ['iterable', 'start'], 2, args);
  if (items === undefined) throw typeError("enumerate() missing required argument 'iterable'");
  const first = BigInt(asIndex(start));
  return new PyIterator(
    'enumerate',
    iterate(items).map((item, index) => new PyTuple([first + BigInt(index), item])),
  );
}

function range(args: Arguments): PyRange {
  const { positional } = args;
  refuseKeywords('range', args);
  if (positional.length === 0) throw typeError('range expected at least 1 argument, got 0');
  if (positional.length > 3) throw typeError(`range expected at most 3 arguments, got ${positional.length}`);
  const [first = 0n, second, step = 1n] = positional.map((value) => {
    asIndex(value);
    return BigInt(value as bigint | boolean);
  });
  if (step === 0n) throw new PythonError('ValueError', 'range() arg 3 must not be zero');
  return second === undefined ? new PyRange(0n, first, step) : new PyRange(first, second, step);
}

function int(args: Arguments): bigint {
  const [value, base] = takeNamed('int', ['', 'base'], 2, args);
  if (base === undefined) return value === undefined ? 0n : toInt(value);
  const radix = asIndex(base);
  if (typeof value !== 'string') {
    throw typeError(
      value === undefined ? 'int() missing string argument' : "int() can't convert non-string with explicit base",
    );
  }
  return toIntOfBase(value, radix);
}

function radixText(value: PyValue, radix: number, prefix: string): string {
  asIndex(value);
  const number = BigInt(value as bigint | boolean);
  return `${number < 0n ? '-' : ''}${prefix}${(number < 0n ? -number : number).toString(radix)}`;
}

function character(value: PyValue): string {
  const code = asIndex(value);
  if (code < 0 || code > 0x10ffff) throw new PythonError('ValueError', 'chr() arg not in range(0x110000)');
  return String.fromCodePoint(code);
}

function ordinal(value: PyValue): bigint {
  if (typeof value !== 'string') {
    throw typeError(`ord() expected string of length 1, but ${typeName(value)} found`);
  }
  const length = lengthOf(value);
  if (length !== 1) throw typeError(`ord() expected a character, but string of length ${length} found`);
  return BigInt(value.codePointAt(0) as number);
}

function divmod(a: PyValue, b: PyValue): [PyValue, PyValue] {
  if (!isNumeric(a) || !isNumeric(b)) {
    throw typeError(`unsupported operand type(s) for divmod(): '${typeName(a)}' and '${typeName(b)}'`);
  }
  if (typeof a === 'number' || typeof b === 'number') {
    if (Number(b) === 0) throw new PythonError('ZeroDivisionError', 'float divmod()');
  }
  return [applyBinary('//', a, b), applyBinary('%', a, b)];
}

/** Modular inverses (negative exponents) are left out. */
function powerModulo(base: PyValue, exponent: PyValue, modulus: PyValue): bigint {
  const isInt = (value: PyValue) => typeof value === 'bigint' || typeof value === 'boolean';
  if (!isInt(base) || !isInt(exponent) || !isInt(modulus)) {
    throw typeError('pow() 3rd argument not allowed unless all arguments are integers');
  }
  const [b, e, m] = [base, exponent, modulus].map((value) => BigInt(value as bigint)) as [bigint, bigint, bigint];
  if (m === 0n) throw new PythonError('ValueError', 'pow() 3rd argument cannot be 0');
  if (e < 0n) throw new PythonError('ValueError', 'base is not invertible for the given modulus');
  const size = m < 0n ? -m : m;
  let result = 1n % size;
  let factor = ((b % size) + size) % size;
  for (let rest = e; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = (result * factor) % size;
    factor = (factor * factor) % size;
  }
  return m < 0n && result !== 0n ? result + m : result;
}

function isInstance(value: PyValue, kind: PyValue): boolean {
  if (kind instanceof BuiltinType) return kind.holds(value);
  if (kind instanceof PyTuple) return kind.items.some((item) => isInstance(value, item));
  throw typeError('isinstance() arg 2 must be a type, a tuple of types, or a union');
}

function extremeOf(name: 'min' | 'max', operator: '<' | '>', { positional, keywords }: Arguments): PyValue {
  if (positional.length === 0) throw typeError(`${name} expected at least 1 argument, got 0`);
  const [key = null, missing] = takeNamed(name, ['key', 'default'], 0, { positional: [], keywords });
  if (positional.length > 1 && missing !== undefined) {
    throw typeError(`Cannot specify a default for ${name}() with multiple positional arguments`);
  }
  const values = positional.length === 1 ? iterate(positional[0] as PyValue) : positional;
  if (values.length === 0 && missing !== undefined) return missing;
  if (key === null) return extreme(name, operator, [values.slice()]);
  const keyed = values.map((value) => ({ value, key: keyOf(value, key) }));
  const [best, ...rest] = keyed;
  if (best === undefined) throw new PythonError('ValueError', `${name}() arg is an empty sequence`);
  return rest.reduce((leader, item) => (pyOrder(operator, item.key, leader.key) ? item : leader), best).value;
}

/** @throws {PythonError} TypeError "bad operand type for abs(): 'str'". */
export function absolute(value: PyValue): PyValue {
  if (typeof value === 'boolean') return value ? 1n : 0n;
  if (typeof value === 'bigint') return value < 0n ? -value : value;
  if (typeof value === 'number') return Math.abs(value);
  throw typeError(`bad operand type for abs(): '${typeName(value)}'`);
}

/** Python `sum`, left to right, uncompensated as before Python 3.12. */
export function sum(values: PyValue, start: PyValue): PyValue {
  if (typeof start === 'string') throw typeError("sum() can't sum strings [use ''.join(seq) instead]");
  return iterate(values).reduce((total, value) => applyBinary('+', total, value), start);
}

/** Python `min` and `max`: the first of equal extremes. */
export function extreme(name: 'min' | 'max', operator: '<' | '>', values: readonly PyValue[]): PyValue {
  const [best, ...rest] = values.length === 1 ? iterate(values[0] as PyValue) : values;
  if (best === undefined) throw new PythonError('ValueError', `${name}() arg is an empty sequence`);
  return rest.reduce((leader, value) => (pyOrder(operator, value, leader) ? value : leader), best);
}

/**
 * Python `round(value, digits)`; digits None gives an int.
 *
 * @throws {PythonError} TypeError for other types.
 */
export function pyRound(value: PyValue, digits: PyValue): PyValue {
  if (!isNumeric(value)) throw typeError(`type ${typeName(value)} doesn't define __round__ method`);
  if (digits !== null && typeof digits !== 'bigint' && typeof digits !== 'boolean') {
    throw typeError(`'${typeName(digits)}' object cannot be interpreted as an integer`);
  }
  const places = digits === null ? 0n : BigInt(digits);
  if (typeof value !== 'number') return roundInt(BigInt(value), places);
  if (digits !== null) return roundDouble(value, Number(places));
  if (!Number.isFinite(value)) throw notAnInteger(value);
  return BigInt(roundDouble(value, 0));
}
