import { PyRange } from './iterables.js';
import { pyRepr } from './render.js';
import { lengthOf, PyDict, PyTuple, PythonError, type PyValue, typeError, typeName } from './value.js';

/**
 * Python `value[index]`; slices apart.
 *
 * @throws {PythonError} KeyError, IndexError or TypeError.
 */
export function itemAt(value: PyValue, index: PyValue): PyValue {
  if (value instanceof PyDict) {
    const item = value.get(index);
    if (item === undefined) throw new PythonError('KeyError', pyRepr(index));
    return item;
  }
  const items = sequenceItems(value);
  if (items === undefined) throw typeError(`'${typeName(value)}' object is not subscriptable`);
  if (typeof index !== 'bigint' && typeof index !== 'boolean') {
    const subject = typeof value === 'string' ? 'string' : typeName(value);
    throw typeError(
      typeof value === 'string'
        ? `${subject} indices must be integers, not '${typeName(index)}'`
        : `${subject} indices must be integers or slices, not ${typeName(index)}`,
    );
  }
  if (BigInt.asIntN(64, BigInt(index)) !== BigInt(index)) {
    throw new PythonError('IndexError', "cannot fit 'int' into an index-sized integer");
  }
  const position = Number(index);
  const item = items[position < 0 ? position + items.length : position];
  if (item === undefined) {
    const subject = typeof value === 'string' ? 'string' : typeName(value);
    throw new PythonError('IndexError', `${value instanceof PyRange ? 'range object' : subject} index out of range`);
  }
  return item;
}

/**
 * Python `value[index] = item`; slices apart.
 *
 * @throws {PythonError} IndexError or TypeError.
 */
export function setItem(value: PyValue, index: PyValue, item: PyValue): void {
  if (value instanceof PyDict) {
    value.set(index, item);
    return;
  }
  if (!Array.isArray(value)) throw typeError(`'${typeName(value)}' object does not support item assignment`);
  value[listPosition(value, index)] = item;
}

function listPosition(list: readonly PyValue[], index: PyValue): number {
  if (typeof index !== 'bigint' && typeof index !== 'boolean') {
    throw typeError(`list indices must be integers or slices, not ${typeName(index)}`);
  }
  const position = Number(index) < 0 ? Number(index) + list.length : Number(index);
  if (position >= 0 && position < list.length) return position;
  throw new PythonError('IndexError', 'list assignment index out of range');
}

function sequenceItems(value: PyValue): readonly PyValue[] | undefined {
  if (Array.isArray(value)) return value;
  if (typeof value === 'string') return Array.from(value);
  if (value instanceof PyRange) return value.items();
  return value instanceof PyTuple ? value.items : undefined;
}

/** Python `value[lower:upper:step]`. */
export function sliceOf(value: PyValue, lower: PyValue, upper: PyValue, step: PyValue): PyValue {
  if (value instanceof PyDict) throw typeError("unhashable type: 'slice'");
  const items = sequenceItems(value);
  if (items === undefined) throw typeError(`'${typeName(value)}' object is not subscriptable`);
  const stride = step === null ? 1 : sliceIndex(step);
  if (stride === 0) throw new PythonError('ValueError', 'slice step cannot be zero');
  const size = lengthOf(value);
  const clamp = (bound: PyValue, missing: number): number => {
    if (bound === null) return missing;
    const index = sliceIndex(bound);
    const absolute = index < 0 ? index + size : index;
    return stride > 0 ? Math.min(Math.max(absolute, 0), size) : Math.min(Math.max(absolute, -1), size - 1);
  };
  const start = clamp(lower, stride > 0 ? 0 : size - 1);
  const stop = clamp(upper, stride > 0 ? size : -1);
  const picked: PyValue[] = [];
  for (let index = start; stride > 0 ? index < stop : index > stop; index += stride) {
    picked.push(items[index] as PyValue);
  }
  if (typeof value === 'string') return picked.join('');
  return value instanceof PyTuple ? new PyTuple(picked) : picked;
}

function sliceIndex(value: PyValue): number {
  if (typeof value === 'bigint' || typeof value === 'boolean') return Number(value);
  throw typeError('slice indices must be integers or None or have an __index__ method');
}
