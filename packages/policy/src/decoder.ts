import type { RopeAngles, WeightValues } from '@parl-mt/native';
import { type DecoderConfig, type LoraTarget, UsageError } from '@parl-mt/schema';
import {
  adaptedLinears,
  addRmsNorm,
  causalAttention,
  decoderLayers,
  embedding,
  HalfMatrix,
  isParlActive,
  type LinearLogprobOptions,
  type LinearLogprobResult,
  type LinearMap,
  linearLogprob,
  linears,
  type Matrix,
  readVariable,
  rmsNorm,
  rope,
  swiglu,
  tf,
} from '@parl-mt/tfjs-backend';
import { type DecoderArchitecture, ownArchitecture, supportedFamilies } from './architectures/decoder-architecture.js';
import { ropeAngles } from './architectures/rope-scaling.js';
import {
  EMBEDDING,
  FINAL_NORM,
  HEAD,
  initialWeights,
  type LayerWeightName,
  layerWeight,
  weightShapes,
} from './decoder-weights.js';
import { checkpointedGradients, type LayeredLoss, type Stream } from './gradient-checkpointing.js';
import { type LoraAdapter, moduleName } from './lora/lora-adapter.js';
import { decoderVariables, isSmall, nativeConfig } from './native-decoder.js';
import type { PackedBatch } from './packing.js';

export interface LossGradientOptions {
  /** Divides the logits. Default 1. */
  readonly temperature?: number;
  /** As of `Decoder.gradients`. */
  readonly dropoutStep?: number;
  readonly gradientCheckpointing?: boolean;
  /** As of `linearLogprob`: what the gradient of the log-probs will be, [T], where that is known before. */
  readonly expectedGradient?: Float32Array | undefined;
}

/** A weight: trained, or a constant in bfloat16. */
export type DecoderWeight = tf.Variable | HalfMatrix;

/** What the layers read of a batch. */
export type PackedTokens = Pick<PackedBatch, 'tokens' | 'offsets' | 'parents' | 'positions'>;

/** Parts of the computation that can be looked at. Layers count from 0. */
export type DecoderPart =
  | 'embed'
  | `${'layer' | 'attention' | 'feedForward'}.${number}`
  /** The residual stream after the last norm. */
  | 'finalNorm';

/**
 * Decoder of Qwen2, Qwen3 or Llama: RMSNorm, rotary positions, grouped-query attention, SwiGLU. Weights are variables of the
 * backend that was active at creation, and are updated in place.
 */
export class Decoder {
  readonly architecture: DecoderArchitecture;
  /** By Hugging Face's names, in the order of the network: variables, and constant matrices where the weights are bfloat16. */
  readonly weights: ReadonlyMap<string, DecoderWeight>;
  readonly #angles: RopeAngles;
  #adapter: LoraAdapter | undefined;
  /** Of the gradient that is being computed, where its adapter drops inputs. */
  #dropoutStep: number | undefined;

  private constructor(architecture: DecoderArchitecture, values: ReadonlyMap<string, WeightValues>) {
    this.architecture = architecture;
    this.#angles = ropeAngles(architecture.rope, architecture.headDim);
    const weights = new Map<string, DecoderWeight>();
    for (const [name, shape] of weightShapes(architecture)) {
      const array = values.get(name);
      const size = shape.reduce((a, b) => a * b, 1);
      if (array?.length !== size) {
        throw new UsageError(`expected ${size} values for ${name}, received ${array?.length ?? 'none'}`);
      }
      if (array instanceof Uint16Array) {
        weights.set(name, new HalfMatrix(array, shape as [number, number]));
        continue;
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
    return new Decoder(ownArchitecture(config), initialWeights(config, seed));
  }

  /**
   * Takes over the arrays: later updates write into them.
   *
   * @param values - float32; matrices may be the bits of bfloat16 values, which are constants then: an adapter alone can be trained.
   * @throws {UsageError} when one is missing or has the wrong size.
   */
  static fromWeights(architecture: DecoderArchitecture, values: ReadonlyMap<string, WeightValues>): Decoder {
    return new Decoder(architecture, values);
  }

  /** A decoder with weights of its own, equal now: a reference policy. */
  copy(): Decoder {
    return new Decoder(
      this.architecture,
      // Constants can be shared.
      new Map(
        [...this.weights].map(([name, weight]) => [
          name,
          weight instanceof HalfMatrix ? weight.bits : readVariable(weight),
        ]),
      ),
    );
  }

  /** The attached adapter. */
  get adapter(): LoraAdapter | undefined {
    return this.#adapter;
  }

  /**
   * Computes with an adapter from now on, and trains it alone: the own weights are constants. Undefined takes the adapter away.
   * The decoder does not own it.
   */
  attach(adapter: LoraAdapter | undefined): void {
    this.#adapter = adapter;
  }

  /**
   * What `gradients` differentiates by: the adapter's variables where there is one, else the weights.
   * @throws {UsageError} when the weights are constants.
   */
  get trainable(): ReadonlyMap<string, tf.Variable> {
    if (this.#adapter !== undefined) return this.#adapter.variables;
    if (this.isFrozen)
      throw new UsageError('expected an adapter to train, since the weights in bfloat16 are constants');
    return this.weights as ReadonlyMap<string, tf.Variable>;
  }

  /** Whether the matrices are constants in bfloat16. */
  get isFrozen(): boolean {
    return this.weights.get(EMBEDDING) instanceof HalfMatrix;
  }

  get parameterCount(): number {
    return [...this.weights.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Weight of the head, [vocabSize, hiddenSize]: the embedding where the two are tied. */
  get head(): Matrix {
    return this.#matrix(this.architecture.isHeadTied ? EMBEDDING : HEAD);
  }

  /**
   * Hidden states after the final norm, [N, hiddenSize].
   *
   * @param observe - sees each part as it is computed: the residual stream after the embedding and after each layer, and what
   *   attention and feed-forward add to it. The tensors are disposed when it returns.
   */
  forward(batch: PackedTokens, observe?: (part: DecoderPart, values: tf.Tensor2D) => void): tf.Tensor2D {
    return tf.tidy(() => this.#hidden(batch, undefined, observe));
  }

  /**
   * Log-probability of each target of the batch, and the entropy of the distribution it was drawn from.
   *
   * @param options.temperature - divides the logits. Default 1.
   * @returns both [T], in the order of `batch.targets`.
   */
  logprobs(batch: PackedBatch, options: LinearLogprobOptions = {}): LinearLogprobResult {
    return tf.tidy(() => {
      const hidden = this.#isTrainedAsOne()
        ? decoderLayers(decoderVariables(this), nativeConfig(this), batch)
        : this.#hidden(batch, selectedRows(batch));
      const { logprobs, entropies } = linearLogprob(hidden, this.head, batch.targets, {
        ...options,
        isWeightFrozen: this.#adapter !== undefined,
      });
      return { logprobs, entropies };
    });
  }

  /**
   * Value and gradient of a loss of this decoder by its trainable variables. The caller disposes the gradients.
   *
   * @param loss - computes a scalar; runs once, inside a tidy.
   * @param options.dropoutStep - integer in [0, 2^32): turns the adapter's dropout on, and names its random numbers; one for
   *   every batch of a training. Absent: nothing is dropped.
   */
  gradients(
    loss: () => tf.Scalar,
    options: { readonly dropoutStep?: number } = {},
  ): { loss: number; gradients: Map<string, tf.Tensor> } {
    const { trainable } = this;
    this.#dropoutStep = options.dropoutStep;
    let result: ReturnType<typeof tf.variableGrads>;
    try {
      result = tf.variableGrads(loss, [...trainable.values()]);
    } finally {
      this.#dropoutStep = undefined;
    }
    const { value, grads } = result;
    const lossValue = value.dataSync()[0]!;
    value.dispose();
    return {
      loss: lossValue,
      gradients: new Map([...trainable].map(([name, variable]) => [name, grads[variable.name]!])),
    };
  }

  /**
   * Value and gradient of a loss over the log-probs of a batch. The caller disposes the gradients.
   *
   * @param loss - computes a scalar from log-probs and entropies, both [T]; runs once, inside a tidy.
   * @param options.gradientCheckpointing - keep only what goes from layer to layer, and compute each layer anew in the backward pass: the
   *   same bits for less memory and about a third more work (Chen et al. 2016, arXiv:1604.06174). Default false.
   */
  lossGradients(
    batch: PackedBatch,
    loss: (result: LinearLogprobResult) => tf.Scalar,
    options: LossGradientOptions = {},
  ): { loss: number; gradients: Map<string, tf.Tensor> } {
    const { gradientCheckpointing = false, dropoutStep, temperature, expectedGradient } = options;
    const scoring = { expectedGradient, ...(temperature === undefined ? {} : { temperature }) };
    if (!gradientCheckpointing) {
      return this.gradients(
        () => loss(this.logprobs(batch, scoring)),
        dropoutStep === undefined ? {} : { dropoutStep },
      );
    }
    this.#dropoutStep = dropoutStep;
    try {
      return checkpointedGradients(this.#layeredLoss(batch, loss, scoring));
    } finally {
      this.#dropoutStep = undefined;
    }
  }

  #layeredLoss(
    batch: PackedBatch,
    loss: (result: LinearLogprobResult) => tf.Scalar,
    scoring: LinearLogprobOptions,
  ): LayeredLoss {
    const { numLayers, isHeadTied } = this.architecture;
    const { trainable } = this;
    return {
      numLayers,
      trainable,
      embed: () => this.#embed(batch),
      layer: (index, below) =>
        this.#layer(index, below, batch, index === numLayers - 1 ? selectedRows(batch) : undefined),
      loss: (normed) => {
        const isWeightFrozen = this.#adapter !== undefined;
        const result = linearLogprob(normed, this.head, batch.targets, { ...scoring, isWeightFrozen });
        return loss({ logprobs: result.logprobs, entropies: result.entropies });
      },
      embeddingNames: [EMBEDDING, layerWeight(0, FIRST_NORM)],
      layerNames: (index) => {
        // Its own first norm was applied by the layer before, and it applies the next one's.
        const next = index + 1 < numLayers ? layerWeight(index + 1, FIRST_NORM) : FINAL_NORM;
        return [...trainable.keys()].filter(
          (name) => name === next || (name.includes(`layers.${index}.`) && name !== layerWeight(index, FIRST_NORM)),
        );
      },
      lossNames: [isHeadTied ? EMBEDDING : HEAD],
    };
  }

  /** Whether a gradient is being computed of a decoder whose layers are one op: small, all of it trained. */
  #isTrainedAsOne(): boolean {
    if (!isParlActive() || tf.engine().state.gradientDepth === 0) return false;
    return this.#adapter === undefined && !this.isFrozen && isSmall(this.architecture);
  }

  /** Frees the weights. */
  dispose(): void {
    for (const weight of this.weights.values()) if (!(weight instanceof HalfMatrix)) weight.dispose();
  }

  /** A norm or a bias. */
  #vector(name: string): tf.Variable {
    return this.weights.get(name) as tf.Variable;
  }

  #matrix(name: string): Matrix {
    return this.weights.get(name)!;
  }

  /** Final hidden states of all rows, or of `rows` only: past the last attention no row needs another. */
  #hidden(
    batch: PackedTokens,
    rows?: Int32Array,
    observe?: (part: DecoderPart, values: tf.Tensor2D) => void,
  ): tf.Tensor2D {
    const { numLayers } = this.architecture;
    let stream = this.#embed(batch);
    observe?.('embed', stream.residual);
    for (let layer = 0; layer < numLayers; layer++) {
      // Buffers that the gradient does not need are free for the next layer.
      const before = stream;
      stream = tf.tidy(() => this.#layer(layer, before, batch, layer === numLayers - 1 ? rows : undefined, observe));
    }
    observe?.('finalNorm', stream.normed);
    return stream.normed;
  }

  #embed({ tokens }: Pick<PackedTokens, 'tokens'>): Stream {
    const residual = embedding(this.#matrix(EMBEDDING), tokens);
    return {
      residual,
      normed: rmsNorm(residual, this.#vector(layerWeight(0, FIRST_NORM)), this.architecture.rmsNormEps),
    };
  }

  #layer(
    layer: number,
    { residual, normed }: Stream,
    { offsets, parents, positions }: PackedTokens,
    rows?: Int32Array,
    observe?: (part: DecoderPart, values: tf.Tensor2D) => void,
  ): Stream {
    const { family, numLayers, numHeads, numKvHeads, rmsNormEps: epsilon } = this.architecture;
    const { hasHeadNorm } = supportedFamilies[family];
    const weight = (name: LayerWeightName) => this.#vector(layerWeight(layer, name));
    const [q, k, v] = this.#project(layer, normed, ['q_proj', 'k_proj', 'v_proj']) as [
      tf.Tensor2D,
      tf.Tensor2D,
      tf.Tensor2D,
    ];
    const rotated = (x: tf.Tensor2D, part: 'q' | 'k', heads: number) =>
      rope(hasHeadNorm ? this.#normedHeads(x, weight(`self_attn.${part}_norm.weight`)) : x, positions, {
        numHeads: heads,
        ...this.#angles,
      });
    const mixed = causalAttention(rotated(q, 'q', numHeads), rotated(k, 'k', numKvHeads), v, offsets, {
      numHeads,
      numKvHeads,
      parents,
    });
    const [attended] = this.#project(layer, rows ? embedding(mixed, rows) : mixed, ['o_proj']) as [tf.Tensor2D];
    observe?.(`attention.${layer}`, attended);
    const carried = rows ? embedding(residual, rows) : residual;
    const middle = addRmsNorm(carried, attended, weight('post_attention_layernorm.weight'), epsilon);
    const [gate, up] = this.#project(layer, middle.normed, ['gate_proj', 'up_proj']) as [tf.Tensor2D, tf.Tensor2D];
    const [fed] = this.#project(layer, swiglu(gate, up), ['down_proj']) as [tf.Tensor2D];
    observe?.(`feedForward.${layer}`, fed);
    const nextNorm = layer + 1 < numLayers ? layerWeight(layer + 1, FIRST_NORM) : FINAL_NORM;
    const { sum, normed: next } = addRmsNorm(middle.sum, fed, this.#vector(nextNorm), epsilon);
    observe?.(`layer.${layer}`, sum);
    return { residual: sum, normed: next };
  }

  /** Linear maps of one input, with their biases and what the adapter adds. */
  #project(layer: number, x: tf.Tensor2D, targets: readonly LoraTarget[]): tf.Tensor2D[] {
    const maps = targets.map((target) => {
      const module = moduleName(layer, target);
      const bias = this.weights.get(`${module}.bias`) as tf.Variable | undefined;
      return { weight: this.#matrix(`${module}.weight`), ...(bias ? { bias } : {}) };
    });
    const adapter = this.#adapter;
    if (adapter === undefined && !this.isFrozen) return linears(x, maps as readonly LinearMap[]);
    const step = this.#dropoutStep;
    return adaptedLinears(
      x,
      maps.map((map, i) => {
        const pair = adapter?.pair(layer, targets[i]!);
        return { ...map, adapter: pair && { ...pair, dropout: adapter?.dropoutOf(layer, targets[i]!, step) } };
      }),
    );
  }

  /** RMSNorm of each head by itself, before the rotation (Qwen3). */
  #normedHeads(x: tf.Tensor2D, weight: tf.Variable): tf.Tensor2D {
    const { headDim, rmsNormEps } = this.architecture;
    return tf.reshape(rmsNorm(tf.reshape(x, [x.size / headDim, headDim]), weight, rmsNormEps), x.shape);
  }
}

/** The rows of the targets, or undefined where those are all rows in order: then there is nothing to select. */
function selectedRows({ tokens, targetRows }: PackedBatch): Int32Array | undefined {
  const isEveryRow = targetRows.length === tokens.length && targetRows.every((row, i) => row === i);
  return isEveryRow ? undefined : targetRows;
}

const FIRST_NORM = 'input_layernorm.weight';
