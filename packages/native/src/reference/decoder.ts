import type { NativeDecoderConfig, NativeDecoderWeights } from '../native-decoder.js';
import { fromBfloat16, type WeightValues } from '../weight-values.js';

/**
 * A decoder in plain loops and double precision: the specification that the sampler is tested against.
 *
 * Qwen2 layout: x = embedding; per layer x += o(attention(rope(q), rope(k), v)), x += down(silu(gate) * up), both on
 * RMS-normalised input; logits = normalise(x) . embedding (or the untied head).
 *
 * @param tokens - length T >= 1, each in [0, vocabSize).
 * @returns T rows of vocabSize logits; row t is the distribution of token t + 1.
 */
export function decoderLogitsReference(
  config: NativeDecoderConfig,
  weights: NativeDecoderWeights,
  tokens: readonly number[],
): Float64Array[] {
  const { hiddenSize, numHeads, numKvHeads } = config;
  const headDim = config.headDim ?? hiddenSize / numHeads;
  const states = tokens.map((token) =>
    Float64Array.from(widened(weights.embedding.subarray(token * hiddenSize, (token + 1) * hiddenSize))),
  );
  for (const layer of weights.layers) {
    const keys: Float64Array[] = [];
    const values: Float64Array[] = [];
    for (const [position, state] of states.entries()) {
      const input = normalise(state, layer.inputNorm, config.rmsNormEps);
      const query = rotate(
        normaliseHeads(linear(layer.qProj, input, layer.qBias), layer.qNorm, headDim, config),
        headDim,
        position,
        config,
      );
      keys.push(
        rotate(
          normaliseHeads(linear(layer.kProj, input, layer.kBias), layer.kNorm, headDim, config),
          headDim,
          position,
          config,
        ),
      );
      values.push(linear(layer.vProj, input, layer.vBias));
      addInto(state, linear(layer.oProj, attend(query, keys, values, numHeads, numKvHeads, headDim)));
      const middle = normalise(state, layer.postNorm, config.rmsNormEps);
      const gate = linear(layer.gateProj, middle);
      const up = linear(layer.upProj, middle);
      addInto(
        state,
        linear(
          layer.downProj,
          gate.map((g, i) => (g / (1 + Math.exp(-g))) * up[i]!),
        ),
      );
    }
  }
  const head = weights.lmHead ?? weights.embedding;
  return states.map((state) => linear(head, normalise(state, weights.finalNorm, config.rmsNormEps)));
}

/** Natural log-softmax of logits / temperature. */
export function logSoftmaxReference(logits: Float64Array, temperature = 1): Float64Array {
  const scaled = logits.map((value) => value / temperature);
  const most = scaled.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const lse = most + Math.log(scaled.reduce((sum, value) => sum + Math.exp(value - most), 0));
  return scaled.map((value) => value - lse);
}

/** Root-mean-square normalisation: x * weight / sqrt(mean(x^2) + eps). */
function normalise(x: Float64Array, weight: Float32Array, eps: number): Float64Array {
  const scale = 1 / Math.sqrt(x.reduce((sum, value) => sum + value * value, 0) / x.length + eps);
  return x.map((value, i) => value * scale * weight[i]!);
}

/** The same over each head of headDim (Qwen3); the identity where there is no weight. */
function normaliseHeads(
  x: Float64Array,
  weight: Float32Array | undefined,
  headDim: number,
  config: NativeDecoderConfig,
): Float64Array {
  if (weight === undefined) return x;
  const out = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += headDim) {
    out.set(normalise(x.subarray(start, start + headDim), weight, config.rmsNormEps), start);
  }
  return out;
}

function widened(values: WeightValues): Float32Array {
  return values instanceof Uint16Array ? fromBfloat16(values) : values;
}

/** weight [out, in] times x [in], plus bias [out]. */
function linear(matrix: WeightValues, x: Float64Array, bias?: Float32Array): Float64Array {
  const weight = widened(matrix);
  const out = new Float64Array(weight.length / x.length);
  for (let row = 0; row < out.length; row += 1) {
    let sum = bias?.[row] ?? 0;
    for (let i = 0; i < x.length; i += 1) sum += weight[row * x.length + i]! * x[i]!;
    out[row] = sum;
  }
  return out;
}

/**
 * Rotary embedding, "rotate half": pairs (i, i + headDim / 2) turn by position / theta^(2 i / headDim), or by the given
 * frequencies, and are scaled.
 */
function rotate(
  x: Float64Array,
  headDim: number,
  position: number,
  { ropeTheta, ropeFrequencies, ropeScale = 1 }: NativeDecoderConfig,
): Float64Array {
  const out = new Float64Array(x.length);
  const half = headDim / 2;
  for (let start = 0; start < x.length; start += headDim) {
    for (let i = 0; i < half; i += 1) {
      const angle = position * (ropeFrequencies?.[i] ?? ropeTheta ** ((-2 * i) / headDim));
      const [a, b] = [x[start + i]!, x[start + i + half]!];
      out[start + i] = ropeScale * (a * Math.cos(angle) - b * Math.sin(angle));
      out[start + i + half] = ropeScale * (b * Math.cos(angle) + a * Math.sin(angle));
    }
  }
  return out;
}

/** Softmax attention of one position over all positions so far; numHeads / numKvHeads query heads share a key head. */
function attend(
  query: Float64Array,
  keys: readonly Float64Array[],
  values: readonly Float64Array[],
  numHeads: number,
  numKvHeads: number,
  headDim: number,
): Float64Array {
  const out = new Float64Array(numHeads * headDim);
  for (let head = 0; head < numHeads; head += 1) {
    const shared = Math.floor(head / (numHeads / numKvHeads)) * headDim;
    const scores = Float64Array.from(keys, (key) => {
      let dot = 0;
      for (let i = 0; i < headDim; i += 1) dot += query[head * headDim + i]! * key[shared + i]!;
      return dot / Math.sqrt(headDim);
    });
    for (const [t, logWeight] of logSoftmaxReference(scores).entries()) {
      for (let i = 0; i < headDim; i += 1) out[head * headDim + i]! += Math.exp(logWeight) * values[t]![shared + i]!;
    }
  }
  return out;
}

function addInto(target: Float64Array, addend: Float64Array): void {
  for (let i = 0; i < target.length; i += 1) target[i]! += addend[i]!;
}
