import { groupAdvantages } from '@parl-mt/native';
import { createGenerator, Decoder, packSequences, scoreBatch } from '@parl-mt/policy';
import { clippedLoss, type MicroBatchLoss, type WeightedSequence, WeightUpdater } from '@parl-mt/rl';
import { selectBackend, tf } from '@parl-mt/tfjs-backend';
import { decoderConfig, flopsPerToken, ONE_BATCH } from './decoder-works.js';
import { mix } from './inputs.js';
import type { Prepared, Work } from './measure.js';

const GROUPS = 8;
const GROUP_SIZE = 8;
const PROMPT = 128;
const NEW_TOKENS = 128;
const SFT_ROWS = 16;
const SFT_TOKENS = 512;
const TINY = decoderConfig(128, 4, 4, 2, 384, 2048);
const OPTIMIZER = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, maxGradNorm: 1 };

/** Whole updates as the trainers make them, against those of TRL, and the scoring of the same completions. */
export function trainerWorks(): Work[] {
  const sequences = GROUPS * GROUP_SIZE;
  const scored =
    sequences *
    (NEW_TOKENS * flopsPerToken(TINY, PROMPT + NEW_TOKENS) + PROMPT * flopsPerToken(TINY, PROMPT + NEW_TOKENS, false));
  const trained = SFT_ROWS * SFT_TOKENS;
  return [
    {
      name: `trl_grpo/tiny-${GROUPS}x${GROUP_SIZE}-${PROMPT}+${NEW_TOKENS}`,
      item: 'new token',
      items: sequences * NEW_TOKENS,
      bytes: 0,
      flops: 4 * scored,
      note: 'sampling, reward, loss, backward, AdamW; a prompt is computed once for its group',
      prepare: prepareGrpo,
    },
    {
      name: `trl_logprob/tiny-${sequences}x${PROMPT + NEW_TOKENS}`,
      item: 'answer token',
      items: sequences * NEW_TOKENS,
      bytes: 0,
      flops: scored,
      note: 'forward over prompt and answer, log-probabilities of the answer',
      prepare: prepareScoring,
    },
    {
      name: `trl_sft/tiny-packed${SFT_TOKENS}`,
      item: 'token',
      items: trained,
      bytes: 0,
      flops: 3 * trained * flopsPerToken(TINY, SFT_TOKENS),
      note: `batches of ${SFT_ROWS} x ${SFT_TOKENS}; forward, backward, AdamW`,
      prepare: prepareSft,
    },
  ];
}

/** [n] tokens above the two special ones. */
function words(n: number, seed: number): Int32Array {
  return Int32Array.from({ length: n }, (_, i) => 2 + (mix(i, seed) % (TINY.vocabSize - 2)));
}

const clipped: MicroBatchLoss = (logprobs, rows) => clippedLoss({ logprobs, ...rows }, { low: 0.2, high: 0.2 });

async function prepareGrpo(): Promise<Prepared> {
  await selectBackend('parl');
  const decoder = Decoder.create(TINY, 1);
  const sequences = GROUPS * GROUP_SIZE;
  const generator = createGenerator(decoder, { maxSlots: sequences, maxTokensPerSlot: PROMPT + NEW_TOKENS });
  const updater = new WeightUpdater(decoder, { learningRate: 1e-5, ...OPTIMIZER });
  const groups = Int32Array.from({ length: sequences }, (_, i) => Math.floor(i / GROUP_SIZE));
  const lossMask = new Uint8Array(PROMPT + NEW_TOKENS).fill(1, PROMPT);
  const weights = Float32Array.from(lossMask, (flag) => flag / (sequences * NEW_TOKENS));
  const parts = { generate_ms: [] as number[], train_ms: [] as number[] };
  let update = 0;
  let ratioError = 0;

  const run = async () => {
    const start = performance.now();
    generator.weightsChanged();
    const prompts = Array.from({ length: GROUPS }, (_, g) => words(PROMPT, 90 + update * GROUPS + g));
    const texts = await generator.generate(
      Array.from({ length: sequences }, (_, slot) => ({
        slot,
        prompt: prompts[groups[slot]!]!,
        maxNewTokens: NEW_TOKENS,
        seed: update * sequences + slot,
      })),
      { temperature: 1, stopTokens: [] },
    );
    const generated = performance.now();
    const rewards = texts.map(({ tokens }) => new Set(tokens).size);
    const advantages = groupAdvantages(rewards, groups, { estimator: 'grpo', epsilon: 1e-4 });
    const batch = texts.map(({ tokens, logprobs }, i): WeightedSequence => {
      const all = new Int32Array(PROMPT + NEW_TOKENS);
      all.set(prompts[groups[i]!]!);
      all.set(tokens, PROMPT);
      const behaviorLogprobs = new Float32Array(all.length);
      behaviorLogprobs.set(logprobs, PROMPT);
      const own = Float32Array.from(lossMask, (flag) => flag * advantages[i]!);
      return { tokens: all, lossMask, weights, behaviorLogprobs, advantages: own };
    });
    const loss: MicroBatchLoss = (logprobs, rows, entropies) => {
      const [now, before] = [logprobs.dataSync(), rows.behaviorLogprobs.dataSync()];
      for (let i = 0; i < now.length; i += 1) ratioError = Math.max(ratioError, Math.abs(now[i]! - before[i]!));
      return clipped(logprobs, rows, entropies);
    };
    updater.accumulate(batch, ONE_BATCH, loss);
    updater.apply(1e-5);
    parts.generate_ms.push(generated - start);
    parts.train_ms.push(performance.now() - generated);
    update += 1;
  };
  return {
    run,
    check: () => {
      if (ratioError !== 0)
        throw new Error(`expected first ratios of exactly 1, received a log-ratio of ${ratioError}`);
      return 0;
    },
    extra: () => ({ generate_ms: median(parts.generate_ms), train_ms: median(parts.train_ms) }),
    dispose: () => {
      generator[Symbol.dispose]();
      updater[Symbol.dispose]();
      decoder.dispose();
    },
  };
}

async function prepareScoring(): Promise<Prepared> {
  await selectBackend('parl');
  const decoder = Decoder.create(TINY, 1);
  const lossMask = new Uint8Array(PROMPT + NEW_TOKENS).fill(1, PROMPT);
  const rows = Array.from({ length: GROUPS * GROUP_SIZE }, (_, i) => ({
    tokens: words(PROMPT + NEW_TOKENS, 90 + i),
    lossMask,
  }));
  const [batch] = packSequences(rows, ONE_BATCH, { untilLastTarget: true });
  return {
    run: () => {
      scoreBatch(decoder, batch!);
    },
    check: () => 0,
    dispose: () => decoder.dispose(),
  };
}

async function prepareSft(): Promise<Prepared> {
  await selectBackend('parl');
  const decoder = Decoder.create(TINY, 1);
  const updater = new WeightUpdater(decoder, { learningRate: 3e-4, ...OPTIMIZER });
  const lossMask = new Uint8Array(SFT_TOKENS).fill(1);
  const weights = new Float32Array(SFT_TOKENS).fill(1 / (SFT_ROWS * (SFT_TOKENS - 1)));
  const batch = Array.from({ length: SFT_ROWS }, (_, i) => ({ tokens: words(SFT_TOKENS, 300 + i), lossMask, weights }));
  const crossEntropy: MicroBatchLoss = (logprobs, rows) => tf.neg(tf.sum(tf.mul(logprobs, rows.weights))).asScalar();
  return {
    run: () => {
      updater.accumulate(batch, ONE_BATCH, crossEntropy, { isWeightedLikelihood: true });
      updater.apply(3e-4);
    },
    check: () => 0,
    dispose: () => {
      updater[Symbol.dispose]();
      decoder.dispose();
    },
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}
