import type { DecoderConfig } from '@parl-mt/schema';
import { UsageError } from '@parl-mt/schema';
import {
  addRmsNorm,
  causalAttention,
  embedding,
  type LinearLogprobOptions,
  type LinearLogprobResult,
  linear,
  linearLogprob,
  linears,
  readVariable,
  rmsNorm,
  rope,
  swiglu,
  tf,
} from '@parl-mt/tfjs-backend';
import {
  EMBEDDING,
  FINAL_NORM,
  initialWeights,
  type LayerWeightName,
  layerWeight,
  weightShapes,
} from './decoder-weights.js';
import type { PackedBatch } from './packing.js';

/** What the layers read of a batch. */
export type PackedTokens = Pick<PackedBatch, 'tokens' | 'offsets' | 'positions'>;

/**
 * Qwen2-style decoder: RMSNorm, rotary positions, grouped-query attention with biases on q, k, v, SwiGLU, head tied to the
 * embedding. Weights are variables of the backend that was active at creation, and are updated in place.
 */
export class Decoder {
  readonly config: DecoderConfig;
  /** By Hugging Face's names, in the order of the network. */
  readonly weights: ReadonlyMap<string, tf.Variable>;

  private constructor(config: DecoderConfig, values: ReadonlyMap<string, Float32Array>) {
    this.config = config;
    const weights = new Map<string, tf.Variable>();
    for (const [name, shape] of weightShapes(config)) {
      const array = values.get(name);
      const size = shape.reduce((a, b) => a * b, 1);
      if (array?.length !== size) {
        throw new UsageError(`expected ${size} values for ${name}, received ${array?.length ?? 'none'}`);
      }
      weights.set(
        name,
        tf.tidy(() => tf.variable(tf.tensor(array, shape, 'float32'))),
      );
    }
    this.weights = weights;
  }

  /** Fresh weights from a seed; see `initialWeights`. */
  static create(config: DecoderConfig, seed: number): Decoder {
    return new Decoder(config, initialWeights(config, seed));
  }

  /**
   * Takes over the arrays: later updates write into them.
   * @throws {UsageError} when one is missing or has the wrong size.
   */
  static fromWeights(config: DecoderConfig, values: ReadonlyMap<string, Float32Array>): Decoder {
    return new Decoder(config, values);
  }

  /** A decoder with weights of its own, equal now: a reference policy. */
  copy(): Decoder {
    return new Decoder(
      this.config,
      new Map([...this.weights].map(([name, variable]) => [name, readVariable(variable)])),
    );
  }

  get parameterCount(): number {
    return [...this.weights.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Hidden states after the final norm, [N, hiddenSize]. */
  forward(batch: PackedTokens): tf.Tensor2D {
    return tf.tidy(() => this.#hidden(batch));
  }

  /**
   * Log-probability of each target of the batch, and the entropy of the distribution it was drawn from.
   *
   * @param options.temperature - divides the logits. Default 1.
   * @returns both [T], in the order of `batch.targets`.
   */
  logprobs(batch: PackedBatch, options: LinearLogprobOptions = {}): LinearLogprobResult {
    return tf.tidy(() => {
      const hidden = this.#hidden(batch, batch.targetRows);
      const { logprobs, entropies } = linearLogprob(hidden, this.#weight(EMBEDDING), batch.targets, options);
      return { logprobs, entropies };
    });
  }

  /**
   * Value and gradient of a loss of this decoder. Every weight has a gradient; the caller disposes them.
   *
   * @param loss - computes a scalar; runs once, inside a tidy.
   */
  gradients(loss: () => tf.Scalar): { loss: number; gradients: Map<string, tf.Tensor> } {
    const { value, grads } = tf.variableGrads(loss, [...this.weights.values()]);
    const result = value.dataSync()[0]!;
    value.dispose();
    return {
      loss: result,
      gradients: new Map([...this.weights].map(([name, variable]) => [name, grads[variable.name]!])),
    };
  }

  /** Frees the weights. */
  dispose(): void {
    for (const variable of this.weights.values()) variable.dispose();
  }

  #weight(name: string): tf.Variable {
    return this.weights.get(name)!;
  }

  /** Final hidden states of all rows, or of `rows` only: past the last attention no row needs another. */
  #hidden(batch: PackedTokens, rows?: Int32Array): tf.Tensor2D {
    const { numLayers, rmsNormEps } = this.config;
    const residual = embedding(this.#weight(EMBEDDING), batch.tokens);
    const firstNorm = this.#weight(layerWeight(0, 'input_layernorm.weight'));
    let stream: Stream = { residual, normed: rmsNorm(residual, firstNorm, rmsNormEps) };
    for (let layer = 0; layer < numLayers; layer++) {
      // Buffers that the gradient does not need are free for the next layer.
      const before = stream;
      stream = tf.tidy(() => this.#layer(layer, before, batch, layer === numLayers - 1 ? rows : undefined));
    }
    return stream.normed;
  }

  #layer(layer: number, { residual, normed }: Stream, { offsets, positions }: PackedTokens, rows?: Int32Array): Stream {
    const { numLayers, numHeads, numKvHeads, ropeTheta: theta, rmsNormEps: epsilon } = this.config;
    const weight = (name: LayerWeightName) => this.#weight(layerWeight(layer, name));
    const [q, k, v] = linears(
      normed,
      (['q', 'k', 'v'] as const).map((part) => ({
        weight: weight(`self_attn.${part}_proj.weight`),
        bias: weight(`self_attn.${part}_proj.bias`),
      })),
    ) as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
    const mixed = causalAttention(
      rope(q, positions, { numHeads, theta }),
      rope(k, positions, { numHeads: numKvHeads, theta }),
      v,
      offsets,
      { numHeads, numKvHeads },
    );
    const attended = linear(rows ? embedding(mixed, rows) : mixed, weight('self_attn.o_proj.weight'));
    const carried = rows ? embedding(residual, rows) : residual;
    const middle = addRmsNorm(carried, attended, weight('post_attention_layernorm.weight'), epsilon);
    const [gate, up] = linears(middle.normed, [
      { weight: weight('mlp.gate_proj.weight') },
      { weight: weight('mlp.up_proj.weight') },
    ]) as [tf.Tensor2D, tf.Tensor2D];
    const fed = linear(swiglu(gate, up), weight('mlp.down_proj.weight'));
    const nextNorm = layer + 1 < numLayers ? layerWeight(layer + 1, 'input_layernorm.weight') : FINAL_NORM;
    const { sum, normed: next } = addRmsNorm(middle.sum, fed, this.#weight(nextNorm), epsilon);
    return { residual: sum, normed: next };
  }
}

/** The residual stream and its norm, which the next block reads. */
type Stream = {
  readonly residual: tf.Tensor2D;
  readonly normed: tf.Tensor2D;
};
