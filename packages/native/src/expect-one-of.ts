import { NativeValueError } from './errors.js';

/**
 * Checks that an option is absent or one of its values.
 *
 * @throws {NativeValueError} naming the option and what it may be.
 */
export function expectOneOf(name: string, value: string | undefined, accepted: readonly string[]): void {
  if (value !== undefined && !accepted.includes(value)) {
    throw new NativeValueError(`expected ${name} to be one of ${accepted.join(', ')}, received ${value}`);
  }
}
