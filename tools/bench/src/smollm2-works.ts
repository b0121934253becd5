import { createGenerator, LoraAdapter, loadModel, packSequences, scoreBatch } from '@parl-mt/policy';
import { type MicroBatchLoss, WeightUpdater } from '@parl-mt/rl';
import { loraConfigSchema } from '@parl-mt/schema';
import { parlBackend, selectBackend, tf } from '@parl-mt/tfjs-backend';
import { labels } from './inputs.js';
import type { Prepared, Work } from './measure.js';
import { peakMemory } from './memory.js';

/** SmolLM2-135M, as the kit counts its arithmetic: width, layers, heads, key heads, feed-forward, vocabulary. */
const D = 576;
const LAYERS = 30;
const HEADS = 9;
const KV_HEADS = 3;
const F = 1536;
const V = 49152;
const HEAD_DIM = D / HEADS;
const SEQUENCES = 4;
const LENGTH = 512;
const PROMPT = 128;
const NEW_TOKENS = 128;
const BATCHES = [1, 8, 32];
const MICRO_BATCH = SEQUENCES * LENGTH;

/** A real checkpoint: loading, scoring, training in full and by an adapter, sampling, under the names of the kit's programs. */
export function smollm2Works(gguf: string): Work[] {
  return [
    loadingWork(gguf),
    scoringWork(gguf),
    ...['train', 'train_ckpt', 'lora', 'lora_ckpt'].map((kind) => trainingWork(gguf, kind)),
    ...BATCHES.map((batch) => samplingWork(gguf, batch)),
  ];
}

function flopsPerToken(context: number, head = true): number {
  const layer = D * (HEADS + 2 * KV_HEADS) * HEAD_DIM + D * D + 3 * D * F + HEADS * HEAD_DIM * context;
  return 2 * (LAYERS * layer + (head ? D * V : 0));
}

function tokenIds(count: number, seed: number): Int32Array {
  return labels(count, 49000, seed).map((id) => id + 20);
}

/** Sequences whose every token but the first is predicted. */
function sequences() {
  const ids = tokenIds(SEQUENCES * LENGTH, 83);
  const lossMask = Uint8Array.from({ length: LENGTH }, (_, t) => Number(t > 0));
  const weights = Float32Array.from(lossMask, (flag) => flag / (SEQUENCES * (LENGTH - 1)));
  return Array.from({ length: SEQUENCES }, (_, s) => ({
    tokens: ids.subarray(s * LENGTH, (s + 1) * LENGTH),
    lossMask,
    weights,
  }));
}

/** Largest resident size while the work runs, weights included, as the peers report it. */
const peak = () => ({ peak_rss_mb: peakMemory() / 1e6 });

async function load(gguf: string) {
  await selectBackend('parl');
  return (await loadModel(gguf)).decoder;
}

function loadingWork(gguf: string): Work {
  return {
    name: 'smol_load/f32',
    item: 'model',
    items: 1,
    bytes: 0,
    flops: 0,
    note: 'from GGUF Q4_1, imports not counted',
    prepare: async (): Promise<Prepared> => {
      await selectBackend('parl');
      return { run: async () => (await loadModel(gguf)).decoder.dispose(), check: () => 0, extra: peak };
    },
  };
}

function scoringWork(gguf: string): Work {
  return {
    name: `smol_logprob/${SEQUENCES}x${LENGTH}`,
    item: 'token',
    items: SEQUENCES * LENGTH,
    bytes: 0,
    flops: SEQUENCES * LENGTH * flopsPerToken(LENGTH),
    note: 'forward only, log-probabilities of given tokens',
    prepare: async (): Promise<Prepared> => {
      const decoder = await load(gguf);
      const batches = packSequences(sequences(), MICRO_BATCH, { untilLastTarget: true });
      let mean = 0;
      return {
        run: () => {
          let sum = 0;
          for (const batch of batches) {
            for (const logprob of scoreBatch(decoder, batch).logprobs) sum += logprob;
          }
          mean = sum / (SEQUENCES * (LENGTH - 1));
        },
        check: () => mean,
        extra: peak,
        dispose: () => release(decoder),
      };
    },
  };
}

const crossEntropy: MicroBatchLoss = (logprobs, rows) => tf.neg(tf.sum(tf.mul(logprobs, rows.weights))).asScalar();

function trainingWork(gguf: string, kind: string): Work {
  const isLora = kind.startsWith('lora');
  return {
    name: `smol_${kind}/${SEQUENCES}x${LENGTH}`,
    item: 'token',
    items: SEQUENCES * LENGTH,
    bytes: 0,
    flops: (isLora ? 2 : 3) * SEQUENCES * LENGTH * flopsPerToken(LENGTH),
    note: isLora ? 'LoRA of rank 16 on all linear layers but the head' : 'all weights',
    prepare: async (): Promise<Prepared> => {
      const decoder = await load(gguf);
      if (isLora) {
        decoder.attach(LoraAdapter.create(decoder.architecture, loraConfigSchema.parse({ rank: 16, alpha: 32 }), 1));
      }
      const optimizer = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, maxGradNorm: 1e9 };
      const updater = new WeightUpdater(
        decoder,
        { learningRate: 1e-5, ...optimizer },
        { gradientCheckpointing: kind.endsWith('_ckpt') },
      );
      const rows = sequences();
      let first: number | undefined;
      return {
        run: () => {
          const loss = updater.accumulate(rows, MICRO_BATCH, crossEntropy, { isWeightedLikelihood: true });
          updater.apply(1e-5);
          first ??= loss;
        },
        check: () => first!,
        extra: peak,
        dispose: () => {
          updater[Symbol.dispose]();
          decoder.adapter?.dispose();
          release(decoder);
        },
      };
    },
  };
}

function samplingWork(gguf: string, batch: number): Work {
  return {
    name: `smol_generate/b${batch}-${PROMPT}+${NEW_TOKENS}`,
    item: 'new token',
    items: batch * NEW_TOKENS,
    bytes: 0,
    flops: batch * (NEW_TOKENS * flopsPerToken(PROMPT + NEW_TOKENS) + PROMPT * flopsPerToken(PROMPT, false)),
    note: 'time of prompt and new tokens',
    prepare: async (): Promise<Prepared> => {
      const decoder = await load(gguf);
      const generator = createGenerator(decoder, { maxSlots: batch, maxTokensPerSlot: PROMPT + NEW_TOKENS });
      const ids = tokenIds(batch * PROMPT, 84);
      const requests = Array.from({ length: batch }, (_, slot) => ({
        slot,
        prompt: ids.subarray(slot * PROMPT, (slot + 1) * PROMPT),
        maxNewTokens: NEW_TOKENS,
        seed: slot,
      }));
      return {
        run: async () => {
          generator.weightsChanged(); // else the prompts' keys and values would be there already
          await generator.generate(requests, { temperature: 1, stopTokens: [] });
        },
        check: () => 0,
        extra: peak,
        dispose: () => {
          generator[Symbol.dispose]();
          release(decoder);
        },
      };
    },
  };
}

/** Lets the next work begin with a small process. */
function release(decoder: { dispose(): void }): void {
  decoder.dispose();
  parlBackend().pool.trim();
}
