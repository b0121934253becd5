import {
  adapterParameterCount,
  type DecoderArchitecture,
  isSmall,
  type WeightType,
  weightShapes,
} from '@parl-mt/policy';
import type { LoraConfig } from '@parl-mt/schema';

/** What one training step is made over. */
export interface TrainingStepShape {
  /** Tokens of the packed micro-batch. */
  readonly tokens: number;
  /** Tokens that are predicted. */
  readonly targets: number;
  /** The adapter that is trained alone; the weights are then constants. Default: none, all weights are trained. */
  readonly lora?: LoraConfig | undefined;
  /** Default false. */
  readonly gradientCheckpointing?: boolean | undefined;
  /** Element type of the matrices. Default float32. */
  readonly weightType?: WeightType | undefined;
}

/** Bytes of a training step by what they are for; `peak` is what is held at once at its highest. */
export interface TrainingMemory {
  /** The weights of the decoder. */
  readonly weights: number;
  /** The adapter's matrices; 0 without one. */
  readonly adapter: number;
  /** AdamW's two moments of what is trained. */
  readonly moments: number;
  /** One gradient of everything trained, three of a tied embedding. */
  readonly gradients: number;
  /** What the forward pass keeps for the backward pass. */
  readonly activations: number;
  /** What a layer's backward pass holds beside that. */
  readonly transient: number;
  /** All of it. */
  readonly peak: number;
}

const FLOAT = 4;

/**
 * Predicts the memory of a training step over one micro-batch, from the shapes alone: N tokens, T targets, L layers, widths D
 * (residual), Q (queries), K (keys and values) and F (feed-forward), H heads, V words, P weights, rank r of an adapter.
 *
 * Kept for the backward pass, by layer: q and k as rotated, v, and the mix of values (2 Q + 2 K), log-sum-exp (H), with norms over heads
 * also q and k before them (Q + K, with their scales 2 H); the two sums of the residual stream and their norms (4 D, with their scales 2);
 * gate, up and their product (3 F). An adapter keeps x A^T of each of its maps (r). Past the last attention only the T target rows are
 * carried.
 *
 * With gradient checkpointing only the residual stream and its norm are kept between layers (2 D each), and one layer's activations at a
 * time.
 *
 * The backward pass goes down the layers while weight gradients pile up; of weights that are constants there are none. A tied embedding's
 * comes from both of its ends and is added up: three of it are there at once. At its widest a layer holds the gradients of gate, up and
 * product (3 F) and, in attention, those of the residual stream, the mix, q, k and v (2 D + Q + 2 K). What the T rows of the last
 * layer needed (3 F + 2 D) may stay beside what N rows need.
 *
 * A small decoder of which all weights are trained is one op, which holds all layers at once: beside what is kept the gradients of the
 * products' inputs that weights' gradients are made of (4 D; those of q, k, v, gate and up take their places), and is never in layers' transient buffers.
 *
 * Not in it: the logits, which never exist as a whole (their tile is the head's scratch), packed panels of weights in scratch of
 * each thread, where completions share a prompt what each gives to the gradients of the prompt's keys and values (2 K a token of prompt
 * and completion, of one layer), and what the arena rounds up (an eighth at most).
 */
export function predictTrainingMemory(
  architecture: DecoderArchitecture,
  { tokens: n, targets: t, lora, gradientCheckpointing = false, weightType }: TrainingStepShape,
): TrainingMemory {
  const { hiddenSize: d, numLayers, numHeads, numKvHeads, headDim, intermediateSize: f, isHeadTied } = architecture;
  const [q, k] = [headDim * numHeads, headDim * numKvHeads];
  const parameters = parameterCount(architecture);
  const adapter = lora === undefined ? 0 : adapterParameterCount(architecture, lora);
  const trained = lora === undefined ? parameters : adapter;
  const headNorms = architecture.family === 'qwen3' ? q + k + numHeads + numKvHeads : 0;
  const low = lora === undefined ? 0 : lora.rank * lora.targets.length;
  const attention = 2 * q + 2 * k + numHeads + headNorms;
  const afterAttention = 4 * d + 2 + 3 * f + low;
  // The embedding, its norm, and in the last layer the target rows that are taken out of mix and residual.
  const edges = n * (2 * d + 1) + t * (d + q);
  const activations = gradientCheckpointing
    ? edges + 2 * numLayers * n * d + n * (attention + (numLayers > 1 ? afterAttention : 0))
    : edges + numLayers * n * attention + ((numLayers - 1) * n + t) * afterAttention;
  const isOneOp = isSmall(architecture) && lora === undefined && !gradientCheckpointing && weightType !== 'bfloat16';
  const transient = isOneOp
    ? numLayers * n * (d + (architecture.family === 'qwen3' ? q + k : 0)) +
      ((numLayers - 1) * n + t) * 3 * d +
      2 * t * d
    : n * (2 * d + q + 2 * k) + t * (3 * f + 2 * d) + (numLayers > 1 ? n * 3 * f : 0);
  const embeddingEnds = lora === undefined && isHeadTied ? 2 * architecture.vocabSize * d : 0;
  const bytes = {
    weights: weightBytes(architecture, weightType),
    adapter: adapter * FLOAT,
    moments: 2 * trained * FLOAT,
    gradients: (trained + embeddingEnds) * FLOAT,
    activations: activations * FLOAT,
    transient: transient * FLOAT,
  };
  return { ...bytes, peak: Object.values(bytes).reduce((sum, value) => sum + value, 0) };
}

/** Weights of a decoder, its adapter not counted. */
export function parameterCount(architecture: DecoderArchitecture): number {
  let count = 0;
  for (const shape of weightShapes(architecture).values()) count += shape.reduce((a, b) => a * b, 1);
  return count;
}

/** Bytes of the weights: norms and biases are float32 always. */
export function weightBytes(architecture: DecoderArchitecture, type: WeightType = 'float32'): number {
  let bytes = 0;
  for (const shape of weightShapes(architecture).values()) {
    bytes += shape.reduce((a, b) => a * b, 1) * (type === 'bfloat16' && shape.length === 2 ? FLOAT / 2 : FLOAT);
  }
  return bytes;
}

/** Bytes of keys and values of one token. */
export function cacheBytesPerToken({ numLayers, numKvHeads, headDim }: DecoderArchitecture): number {
  return 2 * numLayers * numKvHeads * headDim * FLOAT;
}
