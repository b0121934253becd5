import type { NativeDecoderConfig, NativeDecoderLayer, NativeDecoderWeights } from './native-decoder.js';

/** Well-mixed numbers in [-1, 1): murmur3's finaliser over (index, seed). */
export function mixedFloats(seed: number, count: number, scale = 1, offset = 0): Float32Array {
  return Float32Array.from({ length: count }, (_, index) => {
    let x = (index + Math.imul(seed, 0x9e3779b9)) >>> 0;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    x = (x ^ (x >>> 16)) >>> 0;
    return offset + scale * ((x >>> 8) * 2 ** -23 - 1);
  });
}

/** Weights of a small random decoder: Qwen2 (biases, tied head), or Qwen3 (head norms, untied head) with qwen3 = true. */
export function randomWeights(config: NativeDecoderConfig, qwen3 = false): NativeDecoderWeights {
  const { vocabSize, hiddenSize: d, intermediateSize: f, numLayers } = config;
  const headDim = config.headDim ?? d / config.numHeads;
  const q = config.numHeads * headDim;
  const kv = config.numKvHeads * headDim;
  let seed = 0;
  const make = (count: number, scale: number, offset = 0): Float32Array => {
    seed += 1;
    return mixedFloats(seed, count, scale, offset);
  };
  const inner = 1.7 / Math.sqrt(d);
  const layer = (): NativeDecoderLayer => ({
    inputNorm: make(d, 0.3, 1),
    qProj: make(q * d, inner),
    kProj: make(kv * d, inner),
    vProj: make(kv * d, inner),
    ...(qwen3
      ? { qNorm: make(headDim, 0.3, 1), kNorm: make(headDim, 0.3, 1) }
      : { qBias: make(q, 0.2), kBias: make(kv, 0.2), vBias: make(kv, 0.2) }),
    oProj: make(d * q, 1.7 / Math.sqrt(q)),
    postNorm: make(d, 0.3, 1),
    gateProj: make(f * d, inner),
    upProj: make(f * d, inner),
    downProj: make(d * f, 1.7 / Math.sqrt(f)),
  });
  return {
    embedding: make(vocabSize * d, 0.5),
    finalNorm: make(d, 0.3, 1),
    ...(qwen3 ? { lmHead: make(vocabSize * d, 0.5) } : {}),
    layers: Array.from({ length: numLayers }, layer),
  };
}
