import type { RopeAngles, WeightValues } from '@parl-mt/native';
import { type DecoderConfig, type LoraTarget, UsageError } from '@parl-mt/schema';
import {
  adaptedLinears,
  addRmsNorm,
  causalAttention,
  embedding,
  HalfMatrix,
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
import { type LoraAdapter, moduleName } from './lora/lora-adapter.js';
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
      const hidden = this.#hidden(batch, batch.targetRows);
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
      return this.#checkpointedGradients(batch, loss, scoring);
    } finally {
      this.#dropoutStep = undefined;
    }
  }

  /** Forward, keeping the streams between layers; then backward, one layer at a time. */
  #checkpointedGradients(
    batch: PackedBatch,
    loss: (result: LinearLogprobResult) => tf.Scalar,
    scoring: LinearLogprobOptions,
  ): { loss: number; gradients: Map<string, tf.Tensor> } {
    const { numLayers } = this.architecture;
    const rowsOf = (layer: number) => (layer === numLayers - 1 ? batch.targetRows : undefined);
    const streams: Stream[] = [tf.tidy(() => this.#embed(batch))];
    for (let layer = 0; layer < numLayers; layer += 1) {
      streams.push(tf.tidy(() => this.#layer(layer, streams[layer]!, batch, rowsOf(layer))));
    }
    const gradients = new Map<string, tf.Tensor>();
    const collect = (names: readonly string[], found: readonly (tf.Tensor | undefined)[]): void => {
      for (const [i, name] of names.entries()) {
        const [former, gradient] = [gradients.get(name), found[i]];
        if (gradient === undefined) continue;
        // A tied embedding has gradients from both ends.
        gradients.set(name, former === undefined ? gradient : tf.add(former, gradient));
        if (former !== undefined) tf.dispose([former, gradient]);
      }
    };
    const { trainable } = this;
    const variables = (names: readonly string[]) => names.map((name) => trainable.get(name)!);
    const own = (wanted: readonly string[]) => wanted.filter((name) => trainable.has(name));

    const headNames = own([this.architecture.isHeadTied ? EMBEDDING : HEAD]);
    const last = streams.at(-1)!;
    const end = gradientsOf(() => {
      const result = linearLogprob(last.normed, this.head, batch.targets, {
        ...scoring,
        isWeightFrozen: this.#adapter !== undefined,
      });
      return loss({ logprobs: result.logprobs, entropies: result.entropies });
    }, [last.normed, ...variables(headNames)]);
    const lossValue = end.value.dataSync()[0]!;
    end.value.dispose();
    collect(headNames, end.gradients.slice(1));
    let upstream: StreamGradient = { residual: undefined, normed: end.gradients[0] };
    disposeStream(last);
    const backward = (below: Stream | undefined, names: readonly string[], forward: () => Stream): void => {
      const inputs = below === undefined ? [] : [below.residual, below.normed];
      const { residual, normed } = upstream;
      const found = gradientsOf(() => {
        const stream = forward();
        // The scalar whose gradient by the stream is what came from above.
        const parts = [
          ...(residual === undefined ? [] : [tf.sum(tf.mul(stream.residual, residual))]),
          ...(normed === undefined ? [] : [tf.sum(tf.mul(stream.normed, normed))]),
        ];
        return tf.addN(parts).asScalar();
      }, [...inputs, ...variables(names)]);
      found.value.dispose();
      tf.dispose([residual, normed].filter((tensor) => tensor !== undefined));
      upstream = { residual: found.gradients[0], normed: found.gradients[1] };
      collect(names, found.gradients.slice(inputs.length));
      if (below !== undefined) disposeStream(below);
    };
    for (let layer = numLayers - 1; layer >= 0; layer -= 1) {
      const below = streams[layer]!;
      // Its own first norm was applied by the layer before, and it applies the next one's.
      const next = layer + 1 < numLayers ? layerWeight(layer + 1, FIRST_NORM) : FINAL_NORM;
      const names = [...trainable.keys()].filter(
        (name) => name === next || (name.includes(`layers.${layer}.`) && name !== layerWeight(layer, FIRST_NORM)),
      );
      backward(below, names, () => this.#layer(layer, below, batch, rowsOf(layer)));
    }
    const embeddingNames = own([EMBEDDING, layerWeight(0, FIRST_NORM)]);
    if (embeddingNames.length > 0) backward(undefined, embeddingNames, () => this.#embed(batch));
    else tf.dispose([upstream.residual, upstream.normed].filter((tensor) => tensor !== undefined));
    return { loss: lossValue, gradients: new Map([...trainable.keys()].map((name) => [name, gradients.get(name)!])) };
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

/** The residual stream and its norm, which the next block reads. */
type Stream = {
  readonly residual: tf.Tensor2D;
  readonly normed: tf.Tensor2D;
};

/** What comes from above to a stream; undefined where nothing does. */
interface StreamGradient {
  readonly residual: tf.Tensor | undefined;
  readonly normed: tf.Tensor | undefined;
}

const FIRST_NORM = 'input_layernorm.weight';

function disposeStream({ residual, normed }: Stream): void {
  tf.dispose([residual, normed]);
}

/** A scalar and its gradients; undefined for what it does not depend on. The caller disposes all of it. */
function gradientsOf(
  scalar: () => tf.Scalar,
  inputs: readonly tf.Tensor[],
): { readonly value: tf.Scalar; readonly gradients: readonly (tf.Tensor | undefined)[] } {
  const { value, grads } = tf.engine().gradients(scalar, [...inputs], undefined, true);
  return { value: value as tf.Scalar, gradients: grads.map((gradient) => gradient ?? undefined) };
}
