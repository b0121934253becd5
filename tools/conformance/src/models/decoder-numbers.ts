import { type Decoder, type PackedBatch, packSequences } from '@parl-mt/policy';
import { AdamW, matrixTensor, readVariable, tf } from '@parl-mt/tfjs-backend';
import type { StoredTensor } from '../safetensors.js';
import { absolute, type Ledger, type NamedTolerance } from './ledger.js';

/** Limits of fixtures/models/README.md, section 2, "Tolerances". */
export const limits = {
  /** Of hidden states and logits: both hold. */
  states: {
    label: '1e-4 absolute and 5e-6 of the largest',
    allowed: (_: number, largest: number) => Math.min(1e-4, 5e-6 * largest),
  } satisfies NamedTolerance,
  logprobs: absolute(1e-4),
  gradients: 2e-5,
  adamw: { label: '1e-5 relative', allowed: (expected: number) => 1e-5 * Math.abs(expected) } satisfies NamedTolerance,
  weightChange: 1e-3,
  strayEntries: 1e-3,
};

export type Tensors = ReadonlyMap<string, StoredTensor>;

export function valuesOf(tensors: Tensors, name: string): Float32Array {
  const found = tensors.get(name);
  if (found === undefined) throw new Error(`expected a tensor ${name} in the fixture, found none`);
  return found.values;
}

/** The sequences of a fixture; `mask` names the tensor of targets, all tokens where it is absent. */
export function packedFixture(expected: Tensors, mask?: string): PackedBatch {
  const ids = Int32Array.from(valuesOf(expected, 'ids'));
  const offsets = valuesOf(expected, 'cu_seqlens');
  const targets = mask === undefined ? undefined : valuesOf(expected, mask);
  const sequences = Array.from({ length: offsets.length - 1 }, (_, s) => {
    const [from, to] = [offsets[s]!, offsets[s + 1]!];
    return {
      tokens: ids.subarray(from, to),
      lossMask: targets?.subarray(from, to) ?? new Uint8Array(to - from).fill(1),
    };
  });
  return packSequences(sequences, Math.max(1, ids.length))[0]!;
}

/** One sequence of a fixture. */
export function packedSequence(expected: Tensors, s: number): PackedBatch {
  const offsets = valuesOf(expected, 'cu_seqlens');
  return packedTokens(valuesOf(expected, 'ids').slice(offsets[s], offsets[s + 1]));
}

export function packedTokens(tokens: ArrayLike<number>): PackedBatch {
  const ids = Int32Array.from(tokens);
  return packSequences([{ tokens: ids, lossMask: new Uint8Array(ids.length).fill(1) }], ids.length)[0]!;
}

/** All logits of a batch, [N, vocab]. */
export function logitsOf(decoder: Decoder, batch: PackedBatch): Float32Array {
  return tf.tidy(() =>
    tf.matMul(decoder.forward(batch), matrixTensor(decoder.head), false, true).dataSync(),
  ) as Float32Array;
}

/** Minus the mean log-probability of the targets. */
export function crossEntropy(decoder: Decoder, batch: PackedBatch): tf.Scalar {
  return tf.neg(tf.mean(decoder.logprobs(batch).logprobs)).asScalar();
}

/** |ours - theirs| / |theirs| in the Euclidean norm. */
export function relativeDistance(ours: ArrayLike<number>, theirs: ArrayLike<number>): number {
  if (ours.length !== theirs.length) return Number.NaN;
  let [difference, norm] = [0, 0];
  for (let i = 0; i < theirs.length; i += 1) {
    difference += (ours[i]! - theirs[i]!) ** 2;
    norm += theirs[i]! ** 2;
  }
  return norm === 0 ? Math.sqrt(difference) : Math.sqrt(difference / norm);
}

/** Compares the gradients of a loss with `prefix` + name of the fixture. */
export function judgeGradients(
  ledger: Ledger,
  file: string,
  what: string,
  gradients: ReadonlyMap<string, tf.Tensor>,
  expected: Tensors,
  prefix: string,
): void {
  for (const [name, gradient] of gradients) {
    const theirs = valuesOf(expected, prefix + name);
    const error = relativeDistance(gradient.dataSync(), theirs);
    ledger.measure(file, what, theirs.length, error, limits.gradients, 'relative L2', name);
  }
  const missing = [...expected.keys()].filter(
    (name) => name.startsWith(prefix) && !gradients.has(name.slice(prefix.length)),
  );
  ledger.matches(
    file,
    `${what}, names`,
    gradients.size,
    missing.map((name) => `${name} has no counterpart`),
  );
  tf.dispose([...gradients.values()]);
}

/** The part of `expected.json` on AdamW. */
export interface ExpectedAdamw {
  readonly lr: number;
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weight_decay: number;
  readonly max_grad_norm: number;
  readonly steps: number;
  readonly loss_before_each_step_and_after_last: readonly number[];
  readonly grad_norm_before_clip: readonly number[];
  /** Sampled entries, where the weights themselves are not in the fixture. */
  readonly final?: string | Readonly<Record<string, SampledWeight>>;
}
interface SampledWeight {
  readonly sum: number;
  readonly l2: number;
  readonly index: readonly number[];
  readonly value: readonly number[];
}

/** Runs the optimizer as the fixture did, then compares losses, norms, and weights. Changes the decoder. */
export function judgeAdamw(
  ledger: Ledger,
  file: string,
  decoder: Decoder,
  batch: PackedBatch,
  about: ExpectedAdamw,
  expected: Tensors,
  variables: ReadonlyMap<string, tf.Variable> = decoder.trainable,
): void {
  const initial = new Map([...variables].map(([name, variable]) => [name, readVariable(variable).slice()]));
  const optimizer = new AdamW(variables, {
    beta1: about.betas[0],
    beta2: about.betas[1],
    epsilon: about.eps,
    weightDecay: about.weight_decay,
  });
  const losses: number[] = [];
  const norms: number[] = [];
  for (let step = 0; step <= about.steps; step += 1) {
    const { loss, gradients } = decoder.gradients(() => crossEntropy(decoder, batch));
    losses.push(loss);
    if (step < about.steps) {
      const update = { learningRate: about.lr, maxGradNorm: about.max_grad_norm };
      norms.push(optimizer.update(gradients, update).gradNorm);
    }
    tf.dispose([...gradients.values()]);
  }
  ledger.compare(file, 'AdamW losses', losses, about.loss_before_each_step_and_after_last, limits.adamw);
  ledger.compare(file, 'AdamW gradient norms', norms, about.grad_norm_before_clip, limits.adamw);

  let [difference, change, stray, count] = [0, 0, 0, 0];
  const judge = (ours: number, theirs: number, before: number): void => {
    difference += (ours - theirs) ** 2;
    change += (theirs - before) ** 2;
    stray += Math.abs(ours - theirs) > 1e-5 ? 1 : 0;
    count += 1;
  };
  for (const [name, variable] of variables) {
    const ours = readVariable(variable);
    const before = initial.get(name)!;
    if (typeof about.final === 'object') {
      const sample = about.final[name];
      if (sample === undefined) throw new Error(`expected sampled entries of ${name} in the fixture, found none`);
      for (const [i, at] of sample.index.entries()) judge(ours[at]!, sample.value[i]!, before[at]!);
    } else {
      const theirs = valuesOf(expected, `final.${name}`);
      for (let i = 0; i < theirs.length; i += 1) judge(ours[i]!, theirs[i]!, before[i]!);
    }
  }
  const distance = Math.sqrt(difference / change);
  ledger.measure(file, 'AdamW weights', count, distance, limits.weightChange, 'relative L2 of the change');
  ledger.measure(file, 'AdamW weights off by > 1e-5', count, stray / count, limits.strayEntries, 'of the entries');
}
