import { createHash } from 'node:crypto';
import { floatText } from './render.js';
import { PyDict, PyObject, PySet, PyTuple, type PyValue } from './value.js';

/**
 * Copies values so that aliasing survives: what was one object in the source is one object in the copy. All calls on one
 * copier share what they have seen. Works off a queue, so deep and cyclic values need no stack.
 */
export class GraphCopier {
  readonly #copies = new Map<PyValue, PyValue>();
  readonly #pending: (() => void)[] = [];

  copy<T extends PyValue>(value: T): T {
    const copy = this.#shell(value);
    for (let fill = this.#pending.pop(); fill !== undefined; fill = this.#pending.pop()) fill();
    return copy as T;
  }

  /** The copy, possibly still to be filled. */
  #shell(value: PyValue): PyValue {
    if (isShareable(value)) return value;
    const known = this.#copies.get(value);
    if (known !== undefined) return known;
    const copy = this.#newShell(value);
    this.#copies.set(value, copy);
    return copy;
  }

  #newShell(value: PyValue): PyValue {
    if (Array.isArray(value)) {
      const copy: PyValue[] = [];
      this.#pending.push(() => {
        for (const item of value) copy.push(this.#shell(item));
      });
      return copy;
    }
    if (value instanceof PyTuple) {
      const items: PyValue[] = [];
      this.#pending.push(() => {
        for (const item of value.items) items.push(this.#shell(item));
      });
      return new PyTuple(items);
    }
    if (value instanceof PyDict) {
      const copy = new PyDict();
      this.#pending.push(() => {
        for (const [key, item] of value.entries()) copy.set(key, this.#shell(item));
      });
      return copy;
    }
    if (value instanceof PySet) return new PySet(value.sorted());
    const copy = Object.create(Object.getPrototypeOf(value)) as PyObject;
    this.#pending.push(() => {
      for (const [field, item] of Object.entries(value as PyObject) as [string, PyValue][]) {
        Object.defineProperty(copy, field, {
          value: this.#shell(item),
          writable: true,
          enumerable: true,
          configurable: true,
        });
      }
    });
    return copy;
  }
}

/** Whether nothing in it can change, so that copies may hold it too; every dict key is so. */
function isShareable(value: PyValue): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (value instanceof PyTuple) return value.items.every(isShareable);
  return value instanceof PyObject && value.isImmutable;
}

/**
 * SHA-256 over values and how they alias: equal exactly when the values print alike, keep the same order, and share the
 * same mutable objects in the same places. Each object is written once, under a number, and referred to by that number:
 * linear for shared and cyclic values.
 */
export class GraphWriter {
  readonly #numbers = new Map<PyValue, number>();
  readonly #objects: PyValue[] = [];
  #written = 0;
  #text = '';

  write(value: PyValue): void {
    this.#writeReference(value);
  }

  /** Writes what the values so far refer to. */
  flush(): void {
    for (; this.#written < this.#objects.length; this.#written++) {
      this.#text += `\n${this.#written}`;
      this.#writeContent(this.#objects[this.#written] as PyValue);
    }
  }

  /** Whether a mutable object is among what has been written or referred to. */
  hasWritten(value: PyValue): boolean {
    return this.#numbers.has(value);
  }

  /** 32 hex digits. */
  digest(): string {
    this.flush();
    return createHash('sha256').update(this.#text, 'utf8').digest('hex').slice(0, 32);
  }

  #writeReference(value: PyValue): void {
    switch (typeof value) {
      case 'string':
        this.#text += `s${value.length}:${JSON.stringify(value)}`;
        return;
      case 'bigint':
        this.#text += `i${value.toString(16)};`;
        return;
      case 'number':
        this.#text += `f${floatText(value)};`;
        return;
      case 'boolean':
        this.#text += value ? 'T' : 'F';
        return;
      default:
    }
    if (value === null) {
      this.#text += 'N';
      return;
    }
    if (value instanceof PyObject && value.isImmutable) {
      const text = value.repr();
      this.#text += `o${text.length}:${text}`;
      return;
    }
    if (value instanceof PyTuple && isShareable(value)) {
      this.#text += `t${value.items.length}:`;
      for (const item of value.items) this.#writeReference(item);
      return;
    }
    let number = this.#numbers.get(value);
    if (number === undefined) {
      number = this.#objects.length;
      this.#numbers.set(value, number);
      this.#objects.push(value);
    }
    this.#text += `#${number};`;
  }

  #writeContent(value: PyValue): void {
    if (Array.isArray(value)) {
      this.#text += '[';
      for (const item of value) this.#writeReference(item);
    } else if (value instanceof PyTuple) {
      this.#text += '(';
      for (const item of value.items) this.#writeReference(item);
    } else if (value instanceof PySet) {
      this.#text += '<';
      for (const item of value.sorted()) this.#writeReference(item);
    } else if (value instanceof PyDict) {
      this.#text += '{';
      for (const [key, item] of value.entries()) {
        this.#writeReference(key);
        this.#writeReference(item);
      }
    } else if (value instanceof PyObject) {
      this.#text += `@${value.typeName}`;
      for (const [field, item] of Object.entries(value) as [string, PyValue][]) {
        this.#text += ` ${field}=`;
        this.#writeReference(item);
      }
    }
  }
}
