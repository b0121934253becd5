import { NativeValueError, ShapeError } from './errors.js';
import { checkRopeAngles } from './rope.js';
import type { WeightValues } from './weight-values.js';

/** Extents of a Qwen2-style decoder (RMSNorm, RoPE, grouped-query attention, SwiGLU). */
export interface NativeDecoderConfig {
  /** V, at least 1. */
  readonly vocabSize: number;
  /** D, at least 1. */
  readonly hiddenSize: number;
  readonly numLayers: number;
  /** A multiple of numKvHeads. */
  readonly numHeads: number;
  readonly numKvHeads: number;
  /** Even. Default hiddenSize / numHeads. */
  readonly headDim?: number | undefined;
  /** F, at least 1. */
  readonly intermediateSize: number;
  /** Base of the rotary frequencies, > 0. */
  readonly ropeTheta: number;
  /** [headDim / 2], radians a position: instead of the frequencies that ropeTheta gives. */
  readonly ropeFrequencies?: Float32Array | undefined;
  /** Factor of the rotation's cosines and sines. Default 1. */
  readonly ropeScale?: number | undefined;
  /** Added to the mean square inside RMSNorm's root, >= 0. */
  readonly rmsNormEps: number;
  /** Largest rank of the adapters in the weights. Default 0: there are none. */
  readonly adapterRank?: number | undefined;
}

/** A low-rank addition to a linear map [out, in]: scale B A. */
export interface NativeDecoderAdapter {
  /** [rank, in] */
  readonly a: Float32Array;
  /** [out, rank] */
  readonly b: Float32Array;
  readonly scale: number;
}

/** Weights of one layer; matrices are row-major [out, in] as Hugging Face stores them. Hq, Hkv, Dh: heads and their size. */
export interface NativeDecoderLayer {
  /** [D] */
  readonly inputNorm: Float32Array;
  /** [Hq * Dh, D] */
  readonly qProj: WeightValues;
  /** [Hq * Dh]; absent in models without attention biases. */
  readonly qBias?: Float32Array | undefined;
  /** [Hkv * Dh, D] */
  readonly kProj: WeightValues;
  /** [Hkv * Dh] */
  readonly kBias?: Float32Array | undefined;
  /** [Hkv * Dh, D] */
  readonly vProj: WeightValues;
  /** [Hkv * Dh] */
  readonly vBias?: Float32Array | undefined;
  /** [Dh]: RMSNorm of every query head before RoPE (Qwen3). */
  readonly qNorm?: Float32Array | undefined;
  /** [Dh]: the same for keys. */
  readonly kNorm?: Float32Array | undefined;
  /** [D, Hq * Dh] */
  readonly oProj: WeightValues;
  /** [D] */
  readonly postNorm: Float32Array;
  /** [F, D] */
  readonly gateProj: WeightValues;
  /** [F, D] */
  readonly upProj: WeightValues;
  /** [D, F] */
  readonly downProj: WeightValues;
  readonly qAdapter?: NativeDecoderAdapter | undefined;
  readonly kAdapter?: NativeDecoderAdapter | undefined;
  readonly vAdapter?: NativeDecoderAdapter | undefined;
  readonly oAdapter?: NativeDecoderAdapter | undefined;
  readonly gateAdapter?: NativeDecoderAdapter | undefined;
  readonly upAdapter?: NativeDecoderAdapter | undefined;
  readonly downAdapter?: NativeDecoderAdapter | undefined;
}

export interface NativeDecoderWeights {
  /** [V, D] */
  readonly embedding: WeightValues;
  /** [D] */
  readonly finalNorm: Float32Array;
  /** [V, D]; absent where the head is tied to the embedding. */
  readonly lmHead?: WeightValues | undefined;
  readonly layers: readonly NativeDecoderLayer[];
}

/** A config with its defaults. */
export type ResolvedConfig = NativeDecoderConfig & {
  readonly headDim: number;
  readonly ropeScale: number;
  readonly adapterRank: number;
};

/** @throws {NativeValueError} for an extent out of range. */
export function resolveConfig(config: NativeDecoderConfig): ResolvedConfig {
  const headDim = config.headDim ?? config.hiddenSize / config.numHeads;
  const resolved = { ...config, headDim, ropeScale: config.ropeScale ?? 1, adapterRank: config.adapterRank ?? 0 };
  for (const name of ['vocabSize', 'hiddenSize', 'numLayers', 'numHeads', 'numKvHeads', 'intermediateSize'] as const) {
    if (!Number.isInteger(resolved[name]) || resolved[name] < 1) {
      throw new NativeValueError(`expected ${name} to be an integer >= 1, received ${resolved[name]}`);
    }
  }
  if (config.numHeads % config.numKvHeads !== 0) {
    throw new NativeValueError(
      `expected numHeads to be a multiple of numKvHeads ${config.numKvHeads}, received ${config.numHeads}`,
    );
  }
  if (!Number.isInteger(headDim) || headDim < 2 || headDim % 2 !== 0) {
    throw new NativeValueError(
      `expected headDim (default hiddenSize / numHeads) to be an even integer, received ${headDim}`,
    );
  }
  if (!Number.isInteger(resolved.adapterRank) || resolved.adapterRank < 0 || resolved.adapterRank > 2 ** 20) {
    throw new NativeValueError(`expected adapterRank to be an integer in 0..1048576, received ${resolved.adapterRank}`);
  }
  if (!(config.ropeTheta > 0 && Number.isFinite(config.ropeTheta))) {
    throw new NativeValueError(`expected ropeTheta to be finite and > 0, received ${config.ropeTheta}`);
  }
  const { ropeFrequencies: frequencies, ropeScale: scale } = resolved;
  if (frequencies !== undefined && frequencies.length !== headDim / 2) {
    throw new ShapeError(
      `expected ropeFrequencies.length to be headDim / 2 = ${headDim / 2}, received ${frequencies.length}`,
    );
  }
  checkRopeAngles({ theta: 1, frequencies, scale }); // theta is checked above
  if (!(config.rmsNormEps >= 0 && Number.isFinite(config.rmsNormEps))) {
    throw new NativeValueError(`expected rmsNormEps to be finite and >= 0, received ${config.rmsNormEps}`);
  }
  return resolved;
}

/** @throws {ShapeError} naming the weight that does not fit the config. */
export function checkWeights(config: ResolvedConfig, weights: NativeDecoderWeights): void {
  const { vocabSize, hiddenSize: d, numLayers, intermediateSize: f, headDim } = config;
  const q = config.numHeads * headDim;
  const kv = config.numKvHeads * headDim;
  const check = (array: WeightValues | undefined, name: string, length: number, mayBeHalf = false): void => {
    if (!(array instanceof Float32Array) && !(mayBeHalf && array instanceof Uint16Array)) {
      const types = mayBeHalf ? 'a Float32Array, or a Uint16Array of bfloat16 values' : 'a Float32Array';
      throw new ShapeError(`expected weights.${name} to be ${types}`);
    }
    if (array.length !== length) {
      throw new ShapeError(`expected weights.${name}.length to be ${length}, received ${array.length}`);
    }
  };
  check(weights.embedding, 'embedding', vocabSize * d, true);
  check(weights.finalNorm, 'finalNorm', d);
  if (weights.lmHead !== undefined) check(weights.lmHead, 'lmHead', vocabSize * d, true);
  if (weights.layers.length !== numLayers) {
    throw new ShapeError(`expected weights.layers.length to be ${numLayers}, received ${weights.layers.length}`);
  }
  const required = {
    inputNorm: d,
    qProj: q * d,
    kProj: kv * d,
    vProj: kv * d,
    oProj: d * q,
    postNorm: d,
    gateProj: f * d,
    upProj: f * d,
    downProj: d * f,
  };
  const adapters = {
    qAdapter: [q, d],
    kAdapter: [kv, d],
    vAdapter: [kv, d],
    oAdapter: [d, q],
    gateAdapter: [f, d],
    upAdapter: [f, d],
    downAdapter: [d, f],
  } as const;
  const optional = { qBias: q, kBias: kv, vBias: kv, qNorm: headDim, kNorm: headDim };
  for (const [i, layer] of weights.layers.entries()) {
    for (const [name, length] of Object.entries(required)) {
      check(layer[name as keyof typeof required], `layers[${i}].${name}`, length, name.endsWith('Proj'));
    }
    for (const [name, length] of Object.entries(optional)) {
      const array = layer[name as keyof typeof optional];
      if (array !== undefined) check(array, `layers[${i}].${name}`, length);
    }
    for (const [name, [out, width]] of Object.entries(adapters)) {
      const adapter = layer[name as keyof typeof adapters];
      if (adapter === undefined) continue;
      const rank = adapter.a.length / width;
      if (!Number.isInteger(rank) || rank < 1 || rank > config.adapterRank) {
        throw new ShapeError(
          `expected weights.layers[${i}].${name}.a to have a rank in 1..${config.adapterRank} (adapterRank), received ${rank}`,
        );
      }
      check(adapter.a, `layers[${i}].${name}.a`, rank * width);
      check(adapter.b, `layers[${i}].${name}.b`, out * rank);
      if (!Number.isFinite(adapter.scale)) {
        throw new NativeValueError(
          `expected weights.layers[${i}].${name}.scale to be finite, received ${adapter.scale}`,
        );
      }
    }
  }
}
