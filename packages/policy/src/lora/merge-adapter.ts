import { matmul } from '@parl-mt/native';
import { readVariable, writeVariable } from '@parl-mt/tfjs-backend';
import type { Decoder } from '../decoder.js';
import type { LoraAdapter } from './lora-adapter.js';

/**
 * Adds an adapter to the weights of a decoder, in place: W += scale B A. The decoder then computes without the adapter what
 * it computed with it, but for rounding.
 */
export function mergeAdapter(decoder: Decoder, adapter: LoraAdapter): void {
  for (const [module, { a, b, scale }] of adapter.pairs) {
    const weight = decoder.weights.get(`${module}.weight`)!;
    const [rank, width] = a.shape as [number, number];
    const scaled = readVariable(a).map((value) => scale * value);
    const merged = readVariable(weight);
    matmul(readVariable(b), scaled, merged, { m: b.shape[0]!, n: width, k: rank, accumulate: true });
    writeVariable(weight, merged);
  }
}
