import {
  linearLogprobBackward,
  linearLogprobForward,
  logprobBackward,
  logprobForward,
  matmul,
  setThreads,
} from '@parl-mt/native';
import { Decoder, LoraAdapter } from '@parl-mt/policy';
import { adamwConfigSchema, decoderConfigSchema, type LoraConfig } from '@parl-mt/schema';
import { parlBackend, selectBackend, tf } from '@parl-mt/tfjs-backend';
import { type WeightedSequence, WeightUpdater } from '../weight-updater.js';
import { resetPeakMemory, residentMemory } from './peak-memory.js';

/** One measurement, which runs in a process of its own. JSON-shaped. */
export type MemoryProbe = UpdatesProbe | HeadProbe;

/** Training steps over sequences, in one micro-batch each. */
export interface UpdatesProbe {
  readonly kind: 'updates';
  readonly decoder: Readonly<Record<string, number>>;
  /** Tokens of each sequence of an update; all but the first half of each are predicted. */
  readonly lengths: readonly number[];
  /** Lengths vary from update to update, down to half. */
  readonly isVaried?: boolean;
  /** Updates after which memory is read; the last one ends the run. */
  readonly readAt: readonly number[];
  readonly threads?: number;
  /** Trains an adapter alone. */
  readonly lora?: LoraConfig;
  readonly gradientCheckpointing?: boolean;
}

/** Log-probs and both gradients from hidden states [n, d] and a vocabulary [v, d]. */
export interface HeadProbe {
  readonly kind: 'head';
  readonly n: number;
  readonly d: number;
  readonly v: number;
  /** Whether logits are held as a whole. */
  readonly isPlain: boolean;
}

export interface MemoryReading {
  /** Updates made before it. */
  readonly update: number;
  /** Bytes that the arena holds, all free between updates. */
  readonly arena: number;
  /** Bytes of tensors that TF.js counts. */
  readonly tensors: number;
  readonly resident: number;
  /** Highest resident memory above what was resident before the weights were made, or before the head ran. */
  readonly peakGrowth: number;
}

export async function runMemoryProbe(probe: MemoryProbe): Promise<MemoryReading[]> {
  return probe.kind === 'head' ? [probeHead(probe)] : probeUpdates(probe);
}

async function probeUpdates({
  decoder: shape,
  lengths,
  isVaried,
  readAt,
  threads,
  lora,
  gradientCheckpointing = false,
}: UpdatesProbe) {
  await selectBackend('parl');
  if (threads !== undefined) setThreads(threads);
  const before = residentMemory().now;
  resetPeakMemory();
  const config = decoderConfigSchema.parse({ initialization: 'normal', ...shape });
  const decoder = Decoder.create(config, 1);
  if (lora !== undefined) decoder.attach(LoraAdapter.create(decoder.architecture, lora, 1));
  using updater = new WeightUpdater(decoder, adamwConfigSchema.parse({}), { gradientCheckpointing });
  const readings: MemoryReading[] = [];
  for (let update = 1; update <= readAt.at(-1)!; update += 1) {
    const sequences = lengths.map((length, i) => {
      const used = isVaried === true ? Math.max(2, length - ((update * 7 + i * 13) % Math.ceil(length / 2))) : length;
      return sequenceOf(used, update + i, config.vocabSize);
    });
    updater.accumulate(sequences, 2 ** 30, (logprobs, { weights }) =>
      tf.neg(tf.sum(tf.mul(logprobs, weights))).asScalar(),
    );
    updater.apply(1e-4);
    if (readAt.includes(update)) {
      const { now, peak } = residentMemory();
      const { freeBytes } = parlBackend().pool;
      readings.push({
        update,
        arena: freeBytes,
        tensors: tf.memory().numBytes,
        resident: now,
        peakGrowth: peak - before,
      });
    }
  }
  return readings;
}

function sequenceOf(length: number, seed: number, vocabSize: number): WeightedSequence {
  const lossMask = Uint8Array.from({ length }, (_, t) => (t >= length / 2 ? 1 : 0));
  return {
    tokens: Int32Array.from({ length }, (_, t) => (seed * 31 + t * t * 7 + t) % vocabSize),
    lossMask,
    weights: Float32Array.from(lossMask, (flag) => flag / length),
  };
}

function probeHead({ n, d, v, isPlain }: HeadProbe): MemoryReading {
  const wave = (length: number, scale: number): Float32Array => {
    const values = new Float32Array(length);
    for (let i = 0; i < length; i += 1) values[i] = (((i * 2654435761) % 1000) / 1000 - 0.5) * scale;
    return values;
  };
  const [hidden, weight, upstream] = [wave(n * d, 2), wave(v * d, 1), wave(n, 1)];
  const targets = Int32Array.from({ length: n }, (_, i) => (i * 7919) % v);
  // Touched: what both ways read and write is not what is measured.
  const [dHidden, dWeight] = [new Float32Array(n * d).fill(1), new Float32Array(v * d).fill(0.5)];
  const before = residentMemory().now;
  resetPeakMemory();
  if (isPlain) {
    const logits = new Float32Array(n * v);
    matmul(hidden, weight, logits, { m: n, n: v, k: d, transposeB: true });
    const { lse, entropies } = logprobForward(logits, targets, { n, v, entropy: false });
    logprobBackward(upstream, null, logits, targets, lse, entropies, logits, { n, v });
    matmul(logits, weight, dHidden, { m: n, n: d, k: v });
    matmul(logits, hidden, dWeight, { m: v, n: d, k: n, transposeA: true });
  } else {
    const forward = { n, d, v, entropy: false, keptLogits: dWeight };
    const { lse, entropies } = linearLogprobForward(hidden, weight, targets, forward);
    const backward = { n, d, v, isKept: true };
    linearLogprobBackward(upstream, null, hidden, weight, targets, lse, entropies, dHidden, dWeight, backward);
  }
  const { now, peak } = residentMemory();
  return { update: 0, arena: 0, tensors: 0, resident: now, peakGrowth: peak - before };
}
