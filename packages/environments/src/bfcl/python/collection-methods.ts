import { asIndex, takeBetween, takeNamed, takeNone, takeOne } from './builtin-arguments.js';
import { type Arguments, PyCallable } from './callable.js';
import { pyEquals, pyOrder } from './compare.js';
import { PyDictView, PyIterator } from './iterables.js';
import { pyRepr } from './render.js';
import {
  hashKey,
  isTruthy,
  iterate,
  PyDict,
  PySet,
  PyTuple,
  PythonError,
  type PyValue,
  typeError,
  typeName,
} from './value.js';

/** Longest list that a method makes. */
const MAX_LENGTH = 500_000;

type Method<T> = (self: T, args: Arguments) => PyValue;

export const listMethods: ReadonlyMap<string, Method<PyValue[]>> = new Map<string, Method<PyValue[]>>([
  [
    'append',
    (list, args) => {
      const item = takeOne('list.append', args);
      if (list.length >= MAX_LENGTH) throw new PythonError('MemoryError', '');
      list.push(item);
      return null;
    },
  ],
  [
    'clear',
    (list, args) => {
      takeNone('list.clear', args);
      list.length = 0;
      return null;
    },
  ],
  [
    'copy',
    (list, args) => {
      takeNone('list.copy', args);
      return list.slice();
    },
  ],
  ['count', (list, args) => countIn(list, takeOne('list.count', args))],
  [
    'extend',
    (list, args) => {
      const items = iterate(takeOne('list.extend', args));
      if (list.length + items.length > MAX_LENGTH) throw new PythonError('MemoryError', '');
      for (const item of items) list.push(item);
      return null;
    },
  ],
  ['index', (list, args) => indexIn(list, args, 'list')],
  [
    'insert',
    (list, args) => {
      const [index = 0n, item = null] = takeBetween('list.insert', 2, 2, args);
      list.splice(asIndex(index) < 0 ? Math.max(0, asIndex(index) + list.length) : asIndex(index), 0, item);
      return null;
    },
  ],
  ['pop', popFromList],
  [
    'remove',
    (list, args) => {
      const wanted = takeOne('list.remove', args);
      const index = list.findIndex((item) => pyEquals(item, wanted));
      if (index < 0) throw new PythonError('ValueError', 'list.remove(x): x not in list');
      list.splice(index, 1);
      return null;
    },
  ],
  [
    'reverse',
    (list, args) => {
      takeNone('list.reverse', args);
      list.reverse();
      return null;
    },
  ],
  [
    'sort',
    (list, args) => {
      const [key = null, reverse = false] = takeNamed('sort', ['key', 'reverse'], 0, args);
      const sorted = sortItems(list, key, isTruthy(reverse));
      list.splice(0, list.length, ...sorted);
      return null;
    },
  ],
]);

export const tupleMethods: ReadonlyMap<string, Method<PyTuple>> = new Map<string, Method<PyTuple>>([
  ['count', ({ items }, args) => countIn(items, takeOne('tuple.count', args))],
  ['index', ({ items }, args) => indexIn(items, args, 'tuple')],
]);

export const dictMethods: ReadonlyMap<string, Method<PyDict>> = new Map<string, Method<PyDict>>([
  [
    'clear',
    (dict, args) => {
      takeNone('dict.clear', args);
      dict.clear();
      return null;
    },
  ],
  [
    'copy',
    (dict, args) => {
      takeNone('dict.copy', args);
      return new PyDict(dict.entries());
    },
  ],
  [
    'get',
    (dict, args) => {
      const [key = null, missing = null] = takeBetween('dict.get', 1, 2, args);
      const value = dict.get(key);
      return value === undefined ? missing : value;
    },
  ],
  [
    'items',
    (dict, args) => {
      takeNone('dict.items', args);
      return new PyDictView(
        'dict_items',
        Array.from(dict.entries(), ([key, value]) => new PyTuple([key, value])),
      );
    },
  ],
  [
    'keys',
    (dict, args) => {
      takeNone('dict.keys', args);
      return new PyDictView('dict_keys', dict.keys());
    },
  ],
  [
    'pop',
    (dict, args) => {
      const [key = null, missing] = takeBetween('dict.pop', 1, 2, args);
      const value = dict.get(key);
      if (value !== undefined) dict.delete(key);
      else if (missing === undefined) throw new PythonError('KeyError', pyRepr(key));
      return value === undefined ? (missing as PyValue) : value;
    },
  ],
  [
    'popitem',
    (dict, args) => {
      takeNone('dict.popitem', args);
      const last = Array.from(dict.entries()).at(-1);
      if (last === undefined) throw new PythonError('KeyError', "'popitem(): dictionary is empty'");
      dict.delete(last[0]);
      return new PyTuple([...last]);
    },
  ],
  [
    'setdefault',
    (dict, args) => {
      const [key = null, missing = null] = takeBetween('dict.setdefault', 1, 2, args);
      const value = dict.get(key);
      if (value !== undefined) return value;
      dict.set(key, missing);
      return missing;
    },
  ],
  [
    'update',
    (dict, { positional, keywords }) => {
      if (positional.length > 1) throw typeError(`update expected at most 1 argument, got ${positional.length}`);
      for (const [key, value] of pairsOf(positional[0])) dict.set(key, value);
      for (const { name, value } of keywords) dict.set(name, value);
      return null;
    },
  ],
  [
    'values',
    (dict, args) => {
      takeNone('dict.values', args);
      return new PyDictView('dict_values', dict.values());
    },
  ],
]);

export const setMethods: ReadonlyMap<string, Method<PySet>> = new Map<string, Method<PySet>>([
  [
    'add',
    (set, args) => {
      set.add(takeOne('set.add', args));
      return null;
    },
  ],
  [
    'clear',
    (set, args) => {
      takeNone('set.clear', args);
      set.clear();
      return null;
    },
  ],
  [
    'copy',
    (set, args) => {
      takeNone('set.copy', args);
      return new PySet(set.sorted());
    },
  ],
  [
    'difference',
    (set, args) => combined('difference', set, args, (own, other) => own.filter((item) => !other.has(item))),
  ],
  [
    'discard',
    (set, args) => {
      set.delete(takeOne('set.discard', args));
      return null;
    },
  ],
  [
    'intersection',
    (set, args) => combined('intersection', set, args, (own, other) => own.filter((item) => other.has(item))),
  ],
  ['isdisjoint', (set, args) => !iterate(takeOne('set.isdisjoint', args)).some((item) => set.has(item))],
  ['issubset', (set, args) => isSubset(set, new PySet(iterate(takeOne('set.issubset', args))))],
  ['issuperset', (set, args) => isSubset(new PySet(iterate(takeOne('set.issuperset', args))), set)],
  [
    'remove',
    (set, args) => {
      const item = takeOne('set.remove', args);
      if (!set.delete(item)) throw new PythonError('KeyError', pyRepr(item));
      return null;
    },
  ],
  [
    'symmetric_difference',
    (set, args) => {
      const other = new PySet(iterate(takeOne('set.symmetric_difference', args)));
      const inOne = set.sorted().filter((item) => !other.has(item));
      return new PySet([...inOne, ...other.sorted().filter((item) => !set.has(item))]);
    },
  ],
  ['union', (set, args) => combined('union', set, args, (own, other) => [...own, ...other.sorted()])],
  [
    'update',
    (set, args) => {
      for (const other of args.positional) for (const item of iterate(other)) set.add(item);
      return null;
    },
  ],
]);

/** Pairs of a mapping, or of an iterable of pairs, as `dict()` and `dict.update()` take them. */
export function pairsOf(value: PyValue | undefined): (readonly [PyValue, PyValue])[] {
  if (value === undefined) return [];
  if (value instanceof PyDict) return Array.from(value.entries());
  return iterate(value).map((pair, index) => {
    let items: PyValue[];
    try {
      items = iterate(pair);
    } catch {
      throw typeError(`cannot convert dictionary update sequence element #${index} to a sequence`);
    }
    if (items.length === 2) return items as [PyValue, PyValue];
    throw new PythonError(
      'ValueError',
      `dictionary update sequence element #${index} has length ${items.length}; 2 is required`,
    );
  });
}

/**
 * Python `sorted(items, key=key, reverse=reverse)`: stable, also in reverse.
 *
 * @param key - a callable, or None.
 */
export function sortItems(items: readonly PyValue[], key: PyValue, reverse: boolean): PyValue[] {
  const keyed = items.map((item) => ({ item, key: keyOf(item, key) }));
  const sign = reverse ? -1 : 1;
  keyed.sort((a, b) => sign * (pyOrder('<', a.key, b.key) ? -1 : pyOrder('<', b.key, a.key) ? 1 : 0));
  return keyed.map(({ item }) => item);
}

/** What `key` makes of an item; the item itself where there is none. */
export function keyOf(item: PyValue, key: PyValue): PyValue {
  if (key === null) return item;
  if (!(key instanceof PyCallable)) throw typeError(`'${typeName(key)}' object is not callable`);
  return key.callWith(item);
}

/** Python `iter(items)` from the end. */
export function reversedItems(value: PyValue): PyIterator {
  const isOrdered = !(value instanceof PySet) && !(value instanceof PyIterator);
  if (!isOrdered) throw typeError(`'${typeName(value)}' object is not reversible`);
  let items: PyValue[];
  try {
    items = iterate(value);
  } catch {
    throw typeError(`'${typeName(value)}' object is not reversible`);
  }
  const kind = Array.isArray(value)
    ? 'list_reverseiterator'
    : value instanceof PyDict
      ? 'dict_reversekeyiterator'
      : 'reversed';
  return new PyIterator(kind, items.reverse());
}

function countIn(items: readonly PyValue[], wanted: PyValue): bigint {
  return BigInt(items.filter((item) => pyEquals(item, wanted)).length);
}

function indexIn(items: readonly PyValue[], args: Arguments, kind: 'list' | 'tuple'): bigint {
  const [wanted = null, start = 0n, end = BigInt(items.length)] = takeBetween(`${kind}.index`, 1, 3, args);
  const from = (value: PyValue): number => {
    if (typeof value !== 'bigint' && typeof value !== 'boolean') {
      throw typeError('slice indices must be integers or have an __index__ method');
    }
    return asIndex(value) < 0 ? Math.max(0, asIndex(value) + items.length) : asIndex(value);
  };
  const first = from(start);
  const last = Math.min(from(end), items.length);
  for (let index = first; index < last; index++) {
    if (pyEquals(items[index] as PyValue, wanted)) return BigInt(index);
  }
  throw new PythonError(
    'ValueError',
    kind === 'list' ? `${pyRepr(wanted)} is not in list` : 'tuple.index(x): x not in tuple',
  );
}

function popFromList(list: PyValue[], args: Arguments): PyValue {
  const [given = -1n] = takeBetween('list.pop', 0, 1, args);
  const index = asIndex(given) < 0 ? asIndex(given) + list.length : asIndex(given);
  if (list.length === 0) throw new PythonError('IndexError', 'pop from empty list');
  if (index < 0 || index >= list.length) throw new PythonError('IndexError', 'pop index out of range');
  return list.splice(index, 1)[0] as PyValue;
}

function combined(
  name: string,
  set: PySet,
  args: Arguments,
  combine: (own: PyValue[], other: PySet) => PyValue[],
): PySet {
  if (args.keywords.length > 0) throw typeError(`set.${name}() takes no keyword arguments`);
  return args.positional.reduce<PySet>(
    (result, other) => new PySet(combine(result.sorted(), new PySet(iterate(other)))),
    new PySet(set.sorted()),
  );
}

function isSubset(set: PySet, other: PySet): boolean {
  return set.sorted().every((item) => {
    hashKey(item);
    return other.has(item);
  });
}
