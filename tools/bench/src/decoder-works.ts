import { createGenerator, Decoder, packSequences, scoreBatch } from '@parl-mt/policy';
import { type MicroBatchLoss, WeightUpdater } from '@parl-mt/rl';
import { type DecoderConfig, decoderConfigSchema } from '@parl-mt/schema';
import { AdamW, selectBackend, tf } from '@parl-mt/tfjs-backend';
import { labels } from './inputs.js';
import type { Prepared, Work } from './measure.js';

interface Model {
  readonly name: string;
  readonly config: DecoderConfig;
  /** Of a training batch. */
  readonly sequences: number;
  readonly context: number;
}

const MODELS: readonly Model[] = [
  { name: 'tiny', config: decoderConfig(128, 4, 4, 2, 384, 2048), sequences: 32, context: 256 },
  { name: 'small', config: decoderConfig(256, 6, 8, 4, 768, 4096), sequences: 16, context: 512 },
];
/** One layer of Qwen2.5-0.5B. Its vocabulary is the input: token t has the hidden state of position t. */
const LAYER = decoderConfig(896, 1, 14, 2, 4864, 512);
/** Tokens of a micro-batch: all of a step, as the peers have them. */
export const ONE_BATCH = 1e6;
const SAMPLED_BATCHES = [32, 64];
const PROMPT = 128;
const NEW_TOKENS = 128;

/** Training, scoring and sampling of a Qwen2-style decoder. Weights are random: a first loss is near ln(vocabulary). */
export function decoderWorks(): Work[] {
  return [
    ...MODELS.flatMap((each) => [
      trainingWork(each),
      scoringWork(each),
      ...SAMPLED_BATCHES.map((batch) => samplingWork(each, batch)),
    ]),
    layerWork(),
  ];
}

/** A decoder of the kit's kind. */
export function decoderConfig(
  hiddenSize: number,
  numLayers: number,
  numHeads: number,
  numKvHeads: number,
  intermediateSize: number,
  vocabSize: number,
): DecoderConfig {
  const extents = { hiddenSize, numLayers, numHeads, numKvHeads, intermediateSize, vocabSize };
  return decoderConfigSchema.parse({ ...extents, ropeTheta: 1e6, rmsNormEps: 1e-6 });
}

/** Multiply-adds x 2 of one token's forward pass, attention at its causal half; `head` false leaves the vocabulary out. */
export function flopsPerToken(config: DecoderConfig, context: number, head = true): number {
  const { hiddenSize: d, numLayers, numHeads, numKvHeads, intermediateSize: f } = config;
  const headDim = d / numHeads;
  const layer = d * (numHeads + 2 * numKvHeads) * headDim + d * d + 3 * d * f + numHeads * headDim * context;
  return 2 * (numLayers * layer + (head ? d * config.vocabSize : 0));
}

function trainingRows({ config, sequences, context }: Model) {
  const ids = labels(sequences * (context + 1), config.vocabSize, 81);
  const lossMask = new Uint8Array(context + 1).fill(1);
  const weights = new Float32Array(context + 1).fill(1 / (sequences * context));
  return Array.from({ length: sequences }, (_, s) => ({
    tokens: ids.subarray(s * (context + 1), (s + 1) * (context + 1)),
    lossMask,
    weights,
  }));
}

const crossEntropy: MicroBatchLoss = (logprobs, rows) => tf.neg(tf.sum(tf.mul(logprobs, rows.weights))).asScalar();

function trainingWork(each: Model): Work {
  const tokens = each.sequences * each.context;
  return {
    name: `gpt_train/${each.name}`,
    item: 'token',
    items: tokens,
    bytes: 0,
    flops: 3 * tokens * flopsPerToken(each.config, each.context),
    note: 'forward, backward, AdamW',
    prepare: async (): Promise<Prepared> => {
      await selectBackend('parl');
      const rows = trainingRows(each);
      const decoder = Decoder.create(each.config, 1);
      const optimizer = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1, maxGradNorm: 1e9 };
      const updater = new WeightUpdater(decoder, { learningRate: 3e-4, ...optimizer });
      let first: number | undefined;
      return {
        run: () => {
          const loss = updater.accumulate(rows, ONE_BATCH, crossEntropy, { isWeightedLikelihood: true });
          updater.apply(3e-4);
          first ??= loss;
        },
        check: () => first!,
        dispose: () => {
          updater[Symbol.dispose]();
          decoder.dispose();
        },
      };
    },
  };
}

function layerWork(): Work {
  const tokens = LAYER.vocabSize;
  return {
    name: 'gpt_train/qwen0.5b-layer',
    item: 'token',
    items: tokens,
    bytes: 0,
    flops: 3 * tokens * flopsPerToken(LAYER, tokens, false),
    note: 'hidden states in and out; forward, backward (to the input as well), AdamW (of the input as well)',
    prepare: async (): Promise<Prepared> => {
      await selectBackend('parl');
      const decoder = Decoder.create(LAYER, 1);
      const optimizer = new AdamW(decoder.trainable, { weightDecay: 0.1 });
      const positions = Int32Array.from({ length: tokens }, (_, t) => t);
      const batch = { tokens: positions, positions, offsets: Int32Array.of(0, tokens) };
      let first: number | undefined;
      return {
        run: () => {
          const { loss, gradients } = decoder.gradients(() => tf.mean(tf.square(decoder.forward(batch))).asScalar());
          optimizer.update(gradients, { learningRate: 3e-4 });
          tf.dispose([...gradients.values()]);
          first ??= loss;
        },
        check: () => first!,
        dispose: () => decoder.dispose(),
      };
    },
  };
}

function scoringWork(each: Model): Work {
  const tokens = each.sequences * each.context;
  return {
    name: `gpt_logprob/${each.name}`,
    item: 'token',
    items: tokens,
    bytes: 0,
    flops: tokens * flopsPerToken(each.config, each.context),
    note: 'forward only, log-probabilities of given tokens',
    prepare: async (): Promise<Prepared> => {
      await selectBackend('parl');
      const [batch] = packSequences(trainingRows(each), ONE_BATCH, { untilLastTarget: true });
      const decoder = Decoder.create(each.config, 1);
      let sum = 0;
      return {
        run: () => {
          sum = 0;
          for (const logprob of scoreBatch(decoder, batch!).logprobs) sum += logprob;
        },
        check: () => sum / tokens,
        dispose: () => decoder.dispose(),
      };
    },
  };
}

function samplingWork({ name, config }: Model, batch: number): Work {
  return {
    name: `gpt_sample/${name}-b${batch}`,
    item: 'token',
    items: batch * NEW_TOKENS,
    bytes: 0,
    flops:
      batch * NEW_TOKENS * flopsPerToken(config, PROMPT + NEW_TOKENS / 2) +
      batch * PROMPT * flopsPerToken(config, PROMPT, false),
    note: `prompt ${PROMPT}, ${NEW_TOKENS} new tokens, time of both; items are the new tokens`,
    prepare: async (): Promise<Prepared> => {
      await selectBackend('parl');
      const decoder = Decoder.create(config, 1);
      const generator = createGenerator(decoder, { maxSlots: batch, maxTokensPerSlot: PROMPT + NEW_TOKENS });
      const ids = labels(batch * PROMPT, config.vocabSize, 82);
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
        dispose: () => {
          generator[Symbol.dispose]();
          decoder.dispose();
        },
      };
    },
  };
}
