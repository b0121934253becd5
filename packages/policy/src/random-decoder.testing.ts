import type { DecoderArchitecture, DecoderFamily } from './architectures/decoder-architecture.js';
import { Decoder } from './decoder.js';
import { weightShapes } from './decoder-weights.js';
import type { TrainingSequence } from './packing.js';
import { fillNormal } from './philox.js';

/** A decoder of any family with weights from a seed, none of which is 0 or 1: norms and biases count too. */
export function randomDecoder(
  family: DecoderFamily,
  seed: number,
  extents: Partial<DecoderArchitecture> = {},
): Decoder {
  const architecture: DecoderArchitecture = {
    family,
    vocabSize: 61,
    hiddenSize: 20,
    numLayers: 2,
    numHeads: 4,
    numKvHeads: 2,
    headDim: 6,
    intermediateSize: 28,
    rope: { theta: 1e4, scaling: { kind: 'default' } },
    rmsNormEps: 1e-6,
    isHeadTied: family !== 'llama',
    maxPositions: 1024,
    ...extents,
  };
  const weights = new Map<string, Float32Array>();
  for (const [name, shape] of weightShapes(architecture)) {
    const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
    const isMatrix = shape.length === 2;
    fillNormal(values, isMatrix ? 1 / Math.sqrt(shape[1]!) : 0.2, seed, weights.size);
    weights.set(name, name.endsWith('norm.weight') ? values.map((value) => value + 1) : values);
  }
  return Decoder.fromWeights(architecture, weights);
}

/**
 * Sequences of some lengths, of which every third begins as the one before; one without a target is among them. Targets are later tokens,
 * and one early one.
 */
export function randomSequences(lengths: readonly number[], seed: number, vocabSize = 61): TrainingSequence[] {
  return lengths.map((length, s) => {
    const of = s % 3 === 2 ? s - 1 : s;
    const kept = s % 3 === 2 ? Math.min(length, lengths[of]!) * 0.7 : 0;
    const tokens = Array.from({ length }, (_, t) => ((t < kept ? of : s + 40) * 13 + t * t * 7 + seed) % vocabSize);
    return { tokens, lossMask: tokens.map((_, t) => Number(s !== 3 && (t === 2 || t > length / 2))) };
  });
}
