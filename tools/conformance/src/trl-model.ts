import { paddedTokenRows } from '@parl-mt/native';
import { architectureFromConfigJson, Decoder, packSequences } from '@parl-mt/policy';
import { selectBackend, tf } from '@parl-mt/tfjs-backend';
import { type FixtureCase, type Fixtures, matrixOf, numberOf, vectorOf } from './fixture.js';
import { type LossPair, lossPair } from './loss-pair.js';
import type { FixtureFile } from './report.js';
import { readTensors, type StoredTensor } from './safetensors.js';
import { aggregationOf, bonusOf, compareMetrics, klOf, type LossType, optionsOf } from './trl-grpo-losses.js';
import { type Comparison, compare, compared, compareNumber, type Tolerance, type Verdict } from './verdict.js';

/** TRL's loss through a whole decoder: ids to log-probs and entropies, loss, gradient by log-probs and by every weight. */
export const trlModel: FixtureFile = { file: 'trl-model.jsonl', cases: modelCases, judge };

/** The first line of the file holds the model's configuration; every other one is a case. */
function modelCases(fixtures: Fixtures): readonly FixtureCase[] {
  return fixtures.lines('trl-model.jsonl').filter((line) => line['name'] !== undefined) as unknown as FixtureCase[];
}

/** Both sides are float32: log-probs and entropies are good to 2e-5, and so is what is linear in them. */
const logprobTolerance: Tolerance = () => 2e-5;
/** Weight gradients: 2e-4 of the largest entry of a tensor, as for the gradient by log-probs, which a ratio's e^2e-5 moves. */
const gradientTolerance: Tolerance = (_, largest) => 2e-4 * Math.max(largest, 1e-30);

async function judge(each: FixtureCase, fixtures: Fixtures): Promise<Verdict> {
  await selectBackend('parl');
  const tensors = readTensors(fixtures.bytes(String(each.inputs['tensors'])));
  const decoder = decoderOf(fixtures, tensors, String(each.inputs['weights']));
  try {
    return compared(...compareCase(each, decoder, tensors));
  } finally {
    decoder.dispose();
  }
}

function decoderOf(fixtures: Fixtures, tensors: ReadonlyMap<string, StoredTensor>, prefix: string): Decoder {
  const config = architectureFromConfigJson(fixtures.lines('trl-model.jsonl')[0]!['model_config'], 'trl-model.jsonl');
  return Decoder.fromWeights(config, tensorsBelow(tensors, prefix));
}

function tensorsBelow(tensors: ReadonlyMap<string, StoredTensor>, prefix: string): Map<string, Float32Array> {
  const below = [...tensors].filter(([name]) => name.startsWith(prefix));
  return new Map(below.map(([name, { values }]) => [name.slice(prefix.length), values]));
}

function compareCase(each: FixtureCase, decoder: Decoder, tensors: ReadonlyMap<string, StoredTensor>): Comparison[] {
  const { inputs, options, outputs } = each;
  const completion = matrixOf(inputs['completion_mask']);
  const columns = completion[0]!.length;
  const isCompletion = (at: number): boolean => completion[Math.floor(at / columns)]![at % columns] === 1;
  const trained = matrixOf(inputs['tool_mask']).map((row, r) => row.map((flag, t) => flag * completion[r]![t]!));
  const rows = paddedTokenRows(trained);
  const prompts = matrixOf(inputs['prompt_ids']);
  const completions = matrixOf(inputs['completion_ids']);
  // Padding is cut off, observations stay and are predicted too: TRL scores them, and gives them no gradient.
  const sequences = prompts.map((prompt, row) => {
    const answer = completions[row]!.filter((_, t) => completion[row]![t] === 1);
    return {
      tokens: [...prompt, ...answer],
      lossMask: [...prompt.map(() => 0), ...answer.map(() => 1)],
    };
  });
  const batch = packSequences(sequences, 4096)[0]!;
  const places = [...completion.flat().keys()].filter(isCompletion);
  const padded = (values: ArrayLike<number>): Float32Array => {
    const all = new Float32Array(completion.length * columns);
    for (const [i, at] of places.entries()) all[at] = values[i]!;
    return all;
  };
  const packed = (values: ArrayLike<number>): tf.Tensor1D => tf.tensor1d(places.map((at) => values[at]!));
  const klTerm = klOf(options);
  let ours: { logprobs: Float32Array; entropies: Float32Array; loss: LossPair; total: number } | undefined;
  const { gradients } = decoder.gradients(() => {
    const predicted = decoder.logprobs(batch);
    const logprobs = padded(predicted.logprobs.dataSync());
    const entropies = padded(predicted.entropies.dataSync());
    const flat = (key: string): Float32Array => Float32Array.from(matrixOf(inputs[key]).flat());
    const loss = lossPair(
      {
        rows,
        logprobs,
        oldLogprobs: flat('old_log_prob'),
        advantages: Float32Array.from(
          vectorOf(inputs['advantages']).flatMap((value) => Array<number>(columns).fill(value)),
        ),
        ...(klTerm === undefined ? {} : { referenceLogprobs: flat('ref_log_prob') }),
      },
      { ...optionsOf(options['loss_type'] as LossType, options), ...(klTerm === undefined ? {} : { kl: klTerm }) },
      aggregationOf(options['loss_type'] as LossType, options, { rows }),
    );
    const bonus = bonusOf(options, { entropies, rows });
    ours = { logprobs, entropies, loss, total: loss.native.loss + bonus.loss };
    const scored = tf.sum(tf.mul(predicted.logprobs, packed(loss.native.gradient)));
    return tf.add(scored, tf.sum(tf.mul(predicted.entropies, packed(bonus.gradient)))).asScalar();
  });
  const { logprobs, entropies, loss, total } = ours!;
  const slope = loss.native.gradient.reduce((sum, value) => sum + Math.abs(value), 0);
  const comparisons = [
    compare('log-probs', logprobs, matrixOf(outputs['log_prob']).flat(), logprobTolerance),
    compare('entropies', entropies, matrixOf(outputs['entropy']).flat(), logprobTolerance, isCompletion),
    // Every log-prob may be off by 2e-5, and moves the loss by its own gradient.
    compareNumber('loss', total, numberOf(outputs['loss']), () => 2e-5 * Math.max(slope, 1)),
    compare('gradient by log-probs', loss.native.gradient, matrixOf(outputs['gradient']).flat(), gradientTolerance),
    ...compareMetrics(each, { rows, entropies, isRowConstant: true }, loss, undefined, logprobTolerance),
    ...compareGradients(each, gradients, tensors),
  ];
  for (const gradient of gradients.values()) gradient.dispose();
  return comparisons;
}

function compareGradients(
  { outputs }: FixtureCase,
  gradients: ReadonlyMap<string, tf.Tensor>,
  tensors: ReadonlyMap<string, StoredTensor>,
): Comparison[] {
  let squares = 0;
  for (const gradient of gradients.values()) {
    for (const value of gradient.dataSync()) squares += value * value;
  }
  const norm = numberOf(outputs['gradient_norm']);
  const comparisons = [compareNumber('gradient norm', Math.sqrt(squares), norm, () => 2e-4 * norm)];
  if (outputs['weight_gradients'] === undefined) return comparisons;
  const expected = tensorsBelow(tensors, String(outputs['weight_gradients']));
  for (const [name, gradient] of gradients) {
    const theirs = expected.get(name);
    if (theirs === undefined) throw new Error(`expected a recorded gradient of ${name}, found none`);
    comparisons.push(compare(`gradient of ${name}`, gradient.dataSync(), theirs, gradientTolerance));
  }
  return comparisons;
}
