import {
  architectureFromConfigJson,
  createGenerator,
  type Decoder,
  type DecoderPart,
  loadModel,
  ropeAngles,
} from '@parl-mt/policy';
import { selectBackend, tf } from '@parl-mt/tfjs-backend';
import {
  crossEntropy,
  type ExpectedAdamw,
  judgeAdamw,
  judgeGradients,
  limits,
  logitsOf,
  packedFixture,
  packedSequence,
  type Tensors,
  valuesOf,
} from './decoder-numbers.js';
import { absolute, type Ledger, relative } from './ledger.js';
import type { ModelFixtures } from './model-fixtures.js';
import type { ModelSection } from './section.js';

/** The part of a checkpoint's `expected.json` that is read here. */
interface ExpectedCheckpoint {
  readonly hidden_states_of_sequence: number;
  readonly logits_of_sequences: readonly number[];
  readonly rope_attention_scaling: number;
  readonly loss_ce: number;
  readonly loss_pg: number;
  readonly entropy_coef: number;
  readonly generation: {
    readonly max_new_tokens: number;
    readonly eos_token_id: number;
    readonly cases: readonly {
      readonly prompt: readonly number[];
      readonly continuation: readonly number[];
      readonly stopped_by_eos: boolean;
    }[];
  };
  readonly adamw?: ExpectedAdamw;
}

/** Folders that hold a checkpoint and what transformers computes with it. */
export const checkpoints: ModelSection = {
  name: 'checkpoints',
  async run(fixtures, ledger) {
    await selectBackend('parl');
    for (const folder of fixtures.folders('')) {
      const file = `${folder}/expected.safetensors`;
      if (!fixtures.has(file) || !fixtures.has(`${folder}/config.json`)) continue;
      await ledger.attempt(file, 'checkpoint', () => judgeCheckpoint(fixtures, ledger, folder));
    }
  },
};

async function judgeCheckpoint(fixtures: ModelFixtures, ledger: Ledger, folder: string): Promise<void> {
  const file = `${folder}/expected.safetensors`;
  const expected = fixtures.tensors(file);
  const about = fixtures.json<ExpectedCheckpoint>(`${folder}/expected.json`);
  const { decoder, files } = await loadModel(fixtures.path(folder));
  ledger.use(...fixtures.files(folder).filter((name) => /(model.*|config)\.(safetensors|json)$/.test(name)));
  ledger.use(`${folder}/expected.json`, `${folder}/generation_config.json`);

  judgeConfigs(fixtures, ledger, folder, decoder);
  const { frequencies, scale = 1, theta } = ropeAngles(decoder.architecture.rope, decoder.architecture.headDim);
  const theirs = valuesOf(expected, 'rope.inv_freq');
  const ours = frequencies ?? theirs.map((_, i) => theta ** (-i / theirs.length));
  ledger.compare(file, 'rotary frequencies', ours, theirs, relative(3e-7));
  ledger.compare(file, 'rotary scale', [scale], [about.rope_attention_scaling], relative(3e-7));
  if (files.generation.endTokens.length === 0) throw new Error('expected an end token in generation_config.json');

  judgeForward(ledger, file, decoder, about, expected);
  judgeLosses(ledger, file, decoder, about, expected);
  await judgeGeneration(ledger, `${folder}/expected.json`, decoder, about);
  if (about.adamw !== undefined) {
    judgeAdamw(ledger, file, decoder, packedFixture(expected, 'loss_mask'), about.adamw, expected);
  }
  decoder.dispose();
}

/** `config.v4.json` describes the same model as `config.json`. */
function judgeConfigs(fixtures: ModelFixtures, ledger: Ledger, folder: string, decoder: Decoder): void {
  for (const name of ['config.json', 'config.v4.json']) {
    const file = `${folder}/${name}`;
    if (!fixtures.has(file)) continue;
    const [read, wanted] = [architectureFromConfigJson(fixtures.json(file), file), decoder.architecture].map(
      (architecture) => Object.entries(architecture).map(([key, value]) => `${key} ${JSON.stringify(value)}`),
    );
    ledger.matches(
      file,
      'architecture',
      wanted!.length,
      wanted!.filter((field) => !read!.includes(field)),
    );
  }
}

function judgeForward(
  ledger: Ledger,
  file: string,
  decoder: Decoder,
  about: ExpectedCheckpoint,
  expected: Tensors,
): void {
  for (const s of about.logits_of_sequences) {
    const theirs = valuesOf(expected, `logits.${s}`);
    ledger.compare(
      file,
      'logits',
      logitsOf(decoder, packedSequence(expected, s)),
      theirs,
      limits.states,
      `logits.${s}`,
    );
  }
  const observe = (part: DecoderPart, values: tf.Tensor2D): void => {
    const [kind, layer] = part.split('.');
    const [name, what] = {
      embed: ['hidden.embed', 'hidden states'],
      layer: [`hidden.layer.${layer}`, 'hidden states'],
      finalNorm: ['hidden.final_norm', 'hidden states'],
      attention: [`attn_out.layer.${layer}`, 'attention outputs'],
      feedForward: [`mlp_out.layer.${layer}`, 'feed-forward outputs'],
    }[kind!] as [string, string];
    ledger.compare(file, what, values.dataSync(), valuesOf(expected, name), limits.states, name);
  };
  decoder.forward(packedSequence(expected, about.hidden_states_of_sequence), observe).dispose();

  const batch = packedFixture(expected);
  const { logprobs, entropies } = decoder.logprobs(batch);
  const at = (name: string, shift: number) =>
    Array.from(batch.targetRows, (row) => valuesOf(expected, name)[row + shift]!);
  ledger.compare(file, 'log-probs', logprobs.dataSync(), at('logprob', 1), limits.logprobs);
  ledger.compare(file, 'entropies', entropies.dataSync(), at('entropy', 1), limits.logprobs);
  // `entropy_at` also has the distribution after each last token, which no target follows.
  const everywhere = { ...batch, targetRows: batch.tokens.map((_, row) => row), targets: batch.tokens };
  const all = decoder.logprobs(everywhere).entropies;
  ledger.compare(file, 'entropies', all.dataSync(), valuesOf(expected, 'entropy_at'), limits.logprobs, 'entropy_at');
  tf.dispose([logprobs, entropies, all]);
}

function judgeLosses(
  ledger: Ledger,
  file: string,
  decoder: Decoder,
  about: ExpectedCheckpoint,
  expected: Tensors,
): void {
  const masked = packedFixture(expected, 'loss_mask');
  const batch = packedFixture(expected);
  const weights = Float32Array.from(batch.targetRows, (row) => valuesOf(expected, 'pg_weight')[row + 1]!);
  const policyGradient = (): tf.Scalar => {
    const { logprobs, entropies } = decoder.logprobs(batch);
    const signed = tf.sum(tf.mul(logprobs, tf.tensor1d(weights)));
    return tf.neg(tf.add(signed, tf.mul(tf.sum(entropies), about.entropy_coef))).asScalar();
  };
  const hasGradients = [...expected.keys()].some((name) => name.startsWith('grad.ce.'));
  const losses = [
    ['ce', () => crossEntropy(decoder, masked), about.loss_ce, relative(2e-6)],
    ['pg', policyGradient, about.loss_pg, absolute(5e-4)],
  ] as const;
  for (const [name, loss, theirs, tolerance] of losses) {
    const { loss: ours, gradients } = decoder.gradients(loss);
    ledger.compare(file, `loss ${name}`, [ours], [theirs], tolerance);
    if (hasGradients) judgeGradients(ledger, file, `gradients ${name}`, gradients, expected, `grad.${name}.`);
    else tf.dispose([...gradients.values()]);
  }
}

/** Greedy continuations, alone and all together. */
async function judgeGeneration(
  ledger: Ledger,
  file: string,
  decoder: Decoder,
  { generation }: ExpectedCheckpoint,
): Promise<void> {
  const { cases, max_new_tokens: maxNewTokens, eos_token_id: end } = generation;
  const longest = Math.max(...cases.map(({ prompt }) => prompt.length));
  using generator = createGenerator(decoder, {
    maxSlots: cases.length,
    maxTokensPerSlot: Math.max(2, longest + maxNewTokens),
  });
  const requests = cases.map(({ prompt }, slot) => ({ slot, prompt, maxNewTokens, seed: slot }));
  const options = { temperature: 0, stopTokens: [end] };
  const together = await generator.generate(requests, options);
  generator.weightsChanged();
  for (const [i, { continuation, stopped_by_eos: isStopped }] of cases.entries()) {
    const [alone] = await generator.generate([requests[i]!], options);
    for (const [how, text] of [['alone', alone!] as const, ['together', together[i]!] as const]) {
      const isSame = text.tokens.join() === continuation.join() && (text.stopReason === 'stop') === isStopped;
      const difference = `case ${i} ${how}: ${text.tokens.join(' ')}, expected ${continuation.join(' ')}`;
      ledger.matches(file, 'greedy continuations', 1, isSame ? [] : [difference]);
    }
  }
}
