import { NativeValueError } from './errors.js';
import type { WeightValues } from './weight-values.js';

/**
 * Checks that an output shares no memory with the inputs, for functions that read inputs after they began to write.
 *
 * @throws {NativeValueError} naming the two arrays.
 */
export function expectApart(
  outputName: string,
  output: Float32Array,
  inputs: Readonly<Record<string, WeightValues>>,
): void {
  for (const name in inputs) {
    const input = inputs[name]!;
    if (
      input.buffer === output.buffer &&
      input.byteOffset < output.byteOffset + output.byteLength &&
      output.byteOffset < input.byteOffset + input.byteLength
    ) {
      throw new NativeValueError(`expected ${outputName} and ${name} not to overlap in memory`);
    }
  }
}
