import { addon } from './addon.js';
import { ShapeError } from './errors.js';

/**
 * Calls a function of the binding. What the binding refuses (wrong type, wrong length, index out of range) becomes a
 * ShapeError with a JavaScript stack and the binding's message.
 */
export function callNative(name: string, ...args: readonly unknown[]): unknown {
  try {
    return addon[name]!(...args);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'SHAPE') {
      throw new ShapeError(`${name}: ${cause.message}`, { cause });
    }
    throw cause;
  }
}
