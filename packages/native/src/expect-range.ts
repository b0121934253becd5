import { NativeValueError } from './errors.js';

/**
 * Checks that min <= value <= max; NaN is never inside.
 *
 * @throws {NativeValueError} with the name, the range and the value.
 */
export function expectRange(name: string, value: number, min: number, max: number): void {
  if (!(value >= min && value <= max)) {
    throw new NativeValueError(`expected ${name} to be in ${min}..${max}, received ${value}`);
  }
}
