import { callNative } from './call.js';

/**
 * An array buffer of zeros for a tensor that kernels go through again and again: it begins at a cache line and lies on huge pages where
 * the system has them.
 *
 * @param bytes - a non-negative integer.
 * @throws {ShapeError} when it is not one. @throws {RangeError} when there is no memory.
 */
export function newTensorBuffer(bytes: number): ArrayBuffer {
  return callNative('newTensorBuffer', bytes) as ArrayBuffer;
}
