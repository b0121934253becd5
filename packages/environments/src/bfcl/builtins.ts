import { pyOrder } from './python/compare.js';
import { type Arguments, PyCallable } from './python/evaluate.js';
import { notAnInteger, toFloat, toInt } from './python/numbers.js';
import { applyBinary } from './python/operators.js';
import { roundDouble, roundInt } from './python/rational.js';
import { pyRepr, pyStr } from './python/render.js';
import {
  isNumeric,
  isTruthy,
  iterate,
  lengthOf,
  PyDict,
  PySet,
  PyTuple,
  PythonError,
  type PyValue,
  typeError,
  typeName,
} from './python/value.js';

class Builtin extends PyCallable {
  readonly #name: string;
  readonly #run: (values: readonly PyValue[]) => PyValue;
  readonly #least: number;
  readonly #most: number;

  constructor(name: string, [least, most]: readonly [number, number], run: (values: readonly PyValue[]) => PyValue) {
    super();
    this.#name = name;
    this.#run = run;
    this.#least = least;
    this.#most = most;
  }

  get typeName(): string {
    return 'builtin_function_or_method';
  }

  repr(): string {
    return `<built-in function ${this.#name}>`;
  }

  call({ positional, keywords }: Arguments): PyValue {
    if (keywords.length > 0) throw typeError(`${this.#name}() takes no keyword arguments`);
    if (positional.length < this.#least || positional.length > this.#most) {
      const expected = this.#least === this.#most ? `exactly ${this.#least}` : `${this.#least} to ${this.#most}`;
      throw typeError(`${this.#name}() takes ${expected} arguments (${positional.length} given)`);
    }
    return this.#run(positional);
  }
}

const first = (values: readonly PyValue[]): PyValue => values[0] as PyValue;

/**
 * The Python builtins that calls may use. All are pure: nothing here reaches files, processes, attributes or the state of
 * an instance. Other builtins are unknown names.
 */
export const builtins: ReadonlyMap<string, PyCallable> = new Map(
  [
    new Builtin('abs', [1, 1], (values) => absolute(first(values))),
    new Builtin('bool', [0, 1], ([value = false]) => isTruthy(value)),
    new Builtin('dict', [0, 1], ([value]) => toDict(value)),
    new Builtin('float', [0, 1], ([value = 0]) => toFloat(value)),
    new Builtin('int', [0, 1], ([value = 0n]) => toInt(value)),
    new Builtin('len', [1, 1], (values) => BigInt(lengthOf(first(values)))),
    new Builtin('list', [0, 1], ([value]) => (value === undefined ? [] : iterate(value))),
    new Builtin('max', [1, 1000], (values) => extreme('max', '>', values)),
    new Builtin('min', [1, 1000], (values) => extreme('min', '<', values)),
    new Builtin('repr', [1, 1], (values) => pyRepr(first(values))),
    new Builtin('round', [1, 2], ([value, digits]) => pyRound(value as PyValue, digits ?? null)),
    new Builtin('set', [0, 1], ([value]) => new PySet(value === undefined ? [] : iterate(value))),
    new Builtin('sorted', [1, 1], (values) => sorted(first(values))),
    new Builtin('str', [0, 1], ([value = '']) => pyStr(value)),
    new Builtin('sum', [1, 2], ([values, start = 0n]) => sum(values as PyValue, start)),
    new Builtin('tuple', [0, 1], ([value]) => new PyTuple(value === undefined ? [] : iterate(value))),
  ].map((builtin) => [builtin.repr().slice('<built-in function '.length, -1), builtin]),
);

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
  const [best, ...rest] = values.length === 1 ? iterate(first(values)) : values;
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

function sorted(values: PyValue): PyValue[] {
  return iterate(values).sort((a, b) => (pyOrder('<', a, b) ? -1 : pyOrder('<', b, a) ? 1 : 0));
}

function toDict(value: PyValue | undefined): PyDict {
  if (value === undefined) return new PyDict();
  if (value instanceof PyDict) return new PyDict(value.entries());
  return new PyDict(
    iterate(value).map((pair, index) => {
      const items = iterate(pair);
      if (items.length === 2) return items as [PyValue, PyValue];
      throw new PythonError(
        'ValueError',
        `dictionary update sequence element #${index} has length ${items.length}; 2 is required`,
      );
    }),
  );
}
