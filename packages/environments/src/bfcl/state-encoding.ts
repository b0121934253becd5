import { createHash } from 'node:crypto';
import type { ApiState } from './api-class.js';
import { Directory, File } from './classes/gorilla-file-system.js';
import { pyRepr } from './python/render.js';
import { PyDict, type PyObject, PySet, PyTuple, PythonError, type PyValue, typeName } from './python/value.js';

const MAX_TEXT_POINTS = 4000;
const MAX_DEPTH = 900;
const MAX_NODES = 1_000_000;

/**
 * Public attributes of an instance in the encoding of the conformance traces: what JSON can hold as it is, the rest as
 * one-key objects such as `{"__tuple__": […]}` and `{"__dir__": name, "parent": …, "contents": […]}`.
 *
 * @throws {PythonError} RecursionError for cyclic or exponentially shared states.
 */
export function encodeState(state: ApiState): PyDict {
  const encoder = new StateEncoder();
  return new PyDict(
    Object.entries(state)
      .filter(([attribute]) => !attribute.startsWith('_'))
      .map(([attribute, value]) => [attribute, encoder.encode(value)]),
  );
}

class StateEncoder {
  #depth = 0;
  #nodes = 0;

  encode(value: PyValue): PyValue {
    if (++this.#nodes > MAX_NODES || this.#depth > MAX_DEPTH) {
      throw new PythonError('RecursionError', 'maximum recursion depth exceeded');
    }
    this.#depth++;
    const encoded = this.#encodeKind(value);
    this.#depth--;
    return encoded;
  }

  #encodeKind(value: PyValue): PyValue {
    if (typeof value === 'string') return encodeText(value);
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map((item) => this.encode(item));
    if (value instanceof PyTuple) return PyDict.of({ __tuple__: value.items.map((item) => this.encode(item)) });
    if (value instanceof PySet) return PyDict.of({ __set__: value.sorted().map((item) => this.encode(item)) });
    if (value instanceof PyDict) return this.#encodeDict(value);
    if (value instanceof File) {
      return PyDict.of({ __file__: value.name, content: this.encode(value.content) });
    }
    if (value instanceof Directory) {
      return PyDict.of({
        __dir__: value.name,
        parent: value.parent?.name ?? null,
        contents: this.#encodePairs(value.contents),
      });
    }
    return PyDict.of({ __repr__: pyRepr(value as PyObject), type: typeName(value) });
  }

  #encodeDict(dict: PyDict): PyValue {
    const isPlain = dict.keys().every((key) => typeof key === 'string' && !key.startsWith('__'));
    if (!isPlain) return PyDict.of({ __dict__: this.#encodePairs(dict) });
    return new PyDict(Array.from(dict.entries(), ([key, item]) => [key, this.encode(item)]));
  }

  #encodePairs(dict: PyDict): PyValue[] {
    return Array.from(dict.entries(), ([key, item]) => [this.encode(key), this.encode(item)]);
  }
}

function encodeText(text: string): PyValue {
  if (text.length <= MAX_TEXT_POINTS) return text;
  const points = Array.from(text);
  if (points.length <= MAX_TEXT_POINTS) return text;
  return PyDict.of({
    __str__: PyDict.of({
      len: BigInt(points.length),
      sha256: createHash('sha256').update(text, 'utf8').digest('hex'),
      head: points.slice(0, 40).join(''),
      tail: points.slice(-40).join(''),
    }),
  });
}
