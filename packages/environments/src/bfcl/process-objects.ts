import { pyEquals } from './python/compare.js';
import { GraphCopier } from './python/graph.js';
import type { PyDict, PyValue } from './python/value.js';

interface ProcessObject {
  readonly value: PyValue;
  readonly pristine: PyValue;
}

/**
 * Mutable objects of which a Python process has one each, and which calls can change for everybody: default arguments
 * (`tags=[]`) and the extensions of the long context. Whoever should not see each other's changes gets a set of its own.
 */
export class ProcessObjects {
  #objects = new Map<string, ProcessObject>();

  /**
   * The object of that name, on first use a copy of the pristine one.
   *
   * @param pristine - the same for each call with that name.
   */
  get(name: string, pristine: PyDict): PyDict;
  get(name: string, pristine: readonly PyValue[]): PyValue[];
  get(name: string, pristine: PyValue): PyValue;
  get(name: string, pristine: PyValue | readonly PyValue[]): PyValue {
    const known = this.#objects.get(name);
    if (known !== undefined) return known.value;
    const original = pristine as PyValue;
    const value = new GraphCopier().copy(original);
    this.#objects.set(name, { value, pristine: original });
    return value;
  }

  /** A copy, made by a copier that knows what else refers to the objects. */
  copy(copier: GraphCopier): ProcessObjects {
    const copy = new ProcessObjects();
    for (const [name, { value, pristine }] of this.#objects) {
      copy.#objects.set(name, { value: copier.copy(value), pristine });
    }
    return copy;
  }

  /** Takes over the objects of another set. */
  become(other: ProcessObjects): void {
    this.#objects = other.#objects;
  }

  /** Names, in order, and values of the objects that differ from the pristine ones, or that `isReferenced` elsewhere. */
  notable(isReferenced: (value: PyValue) => boolean): (readonly [string, PyValue])[] {
    return Array.from(this.#objects)
      .filter(([, { value, pristine }]) => isReferenced(value) || !pyEquals(value, pristine))
      .map(([name, { value }]) => [name, value] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1));
  }
}
