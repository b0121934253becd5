import { matmul } from '@parl-mt/native';
import { UsageError } from '@parl-mt/schema';
import { HalfMatrix, readVariable, writeVariable } from '@parl-mt/tfjs-backend';
import type { Decoder } from '../decoder.js';
import type { LoraAdapter } from './lora-adapter.js';

/**
 * Adds an adapter to the weights of a decoder, in place: W += scale B A. The decoder then computes without the adapter what
 * it computed with it, but for rounding.
 *
 * @throws {UsageError} when the weights are constants in bfloat16.
 */
export function mergeAdapter(decoder: Decoder, adapter: LoraAdapter): void {
  for (const [module, { a, b, scale }] of adapter.pairs) {
    const weight = decoder.weights.get(`${module}.weight`)!;
    if (weight instanceof HalfMatrix) {
      throw new UsageError('expected float32 weights to put an adapter into, received constants in bfloat16');
    }
    const [rank, width] = a.shape as [number, number];
    const scaled = readVariable(a).map((value) => scale * value);
    const merged = readVariable(weight);
    matmul(readVariable(b), scaled, merged, { m: b.shape[0]!, n: width, k: rank, accumulate: true });
    writeVariable(weight, merged);
  }
}
