import { PyObject, type PyValue } from './value.js';

/** Arguments of a call as Python passes them; keywords in the order written, names distinct. */
export interface Arguments {
  readonly positional: readonly PyValue[];
  readonly keywords: readonly { readonly name: string; readonly value: PyValue }[];
}

/** A value that can be called. */
export abstract class PyCallable extends PyObject {
  abstract call(args: Arguments): PyValue;

  /** An attribute of the callable itself, such as a method of a type. */
  attribute(_name: string): PyValue | undefined {
    return undefined;
  }

  /** Calls with positional arguments only. */
  callWith(...positional: PyValue[]): PyValue {
    return this.call({ positional, keywords: [] });
  }
}

/** A value with attributes. */
export abstract class PyNamespace extends PyObject {
  abstract attribute(name: string): PyValue | undefined;
}
