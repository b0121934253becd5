import { decoderConfigSchema } from '@parl-mt/schema';
import { expect, test } from 'vitest';
import { initialWeights } from './decoder-weights.js';

const extents = {
  vocabSize: 32,
  hiddenSize: 32,
  numLayers: 2,
  numHeads: 4,
  numKvHeads: 2,
  intermediateSize: 48,
  ropeTheta: 500,
};
const mimetic = initialWeights(decoderConfigSchema.parse({ ...extents, initialization: 'mimetic' }), 3);
const normal = initialWeights(decoderConfigSchema.parse({ ...extents, initialization: 'normal' }), 3);
const headDim = 8;

/** Rotates the "rotate half" planes of a head's vector to a position. */
function rotate(vector: Float32Array, position: number): number[] {
  const half = headDim / 2;
  const rotated = new Array<number>(headDim);
  for (let i = 0; i < half; i += 1) {
    const angle = position * 500 ** ((-2 * i) / headDim);
    rotated[i] = vector[i]! * Math.cos(angle) - vector[i + half]! * Math.sin(angle);
    rotated[i + half] = vector[i + half]! * Math.cos(angle) + vector[i]! * Math.sin(angle);
  }
  return rotated;
}

test('the first heads of the first layer score the previous token highest', () => {
  const q = mimetic.get('model.layers.0.self_attn.q_proj.bias')!;
  const k = mimetic.get('model.layers.0.self_attn.k_proj.bias')!;
  for (const head of [0, 1]) {
    const query = rotate(q.slice(head * headDim, (head + 1) * headDim), 20);
    const scores = Array.from({ length: 21 }, (_, position) => {
      const key = rotate(k.slice(0, headDim), position);
      return query.reduce((sum, value, i) => sum + value * key[i]!, 0);
    });
    expect(scores.indexOf(Math.max(...scores))).toBe(19);
  }
});

test('attention writes back what it reads: the trace of O V is far above that of independent weights', () => {
  const trace = (weights: ReadonlyMap<string, Float32Array>): number => {
    const v = weights.get('model.layers.1.self_attn.v_proj.weight')!;
    const o = weights.get('model.layers.1.self_attn.o_proj.weight')!;
    let sum = 0;
    for (let i = 0; i < headDim; i += 1) {
      for (let c = 0; c < 32; c += 1) sum += o[c * 32 + i]! * v[i * 32 + c]!;
    }
    return sum;
  };
  // E[sum v^2] = headDim d sigma^2 = 8 * 32 * 0.02^2 * 1024 / 32 = 3.28, times 2.
  expect(trace(mimetic)).toBeGreaterThan(4);
  expect(Math.abs(trace(normal))).toBeLessThan(2);
});

test('normal initialisation has no biases and is what mimetic starts from', () => {
  expect(normal.get('model.layers.0.self_attn.q_proj.bias')!.every((value) => value === 0)).toBe(true);
  for (const part of ['mlp.gate_proj.weight', 'self_attn.v_proj.weight']) {
    expect(mimetic.get(`model.layers.1.${part}`)).toEqual(normal.get(`model.layers.1.${part}`));
  }
});
