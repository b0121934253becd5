import {
  type ImportanceOptions,
  importancePresets,
  importanceWeights,
  paddedTokenRows,
  sampledCounts,
} from '@parl-mt/native';
import { importanceWeightsReference } from '@parl-mt/native/reference';
import { lossMaskOf } from '@parl-mt/rl';
import { type FixtureCase, matrixOf, numberOf, vectorOf } from './fixture.js';
import type { FixtureFile } from './report.js';
import { compare, compared, compareNumber, exact, float32, float64, metric, type Verdict } from './verdict.js';

export const trlRolloutCorrection: FixtureFile = {
  file: 'trl-rollout-correction.jsonl',
  judge: (each) => (each.inputs['completion_ids'] === undefined ? judgeWeights(each) : judgeTruncation(each)),
};

function judgeWeights({ options, inputs, outputs }: FixtureCase): Verdict {
  const old = matrixOf(inputs['old_log_prob']);
  const columns = old[0]!.length;
  const padded = (rows: readonly (readonly number[])[], filler: number): number[][] =>
    rows.map((row) => [...row, ...Array<number>(columns - row.length).fill(filler)]);
  const rows = paddedTokenRows(padded(matrixOf(inputs['tool_mask']), 0));
  const logprobs = Float32Array.from(old.flat());
  const sampling = Float32Array.from(padded(matrixOf(inputs['sampling_log_prob']), 0).flat());
  const [level, bound] = String(options['vllm_importance_sampling_mode']).split('_') as ['token', 'mask'];
  const chosen: ImportanceOptions = {
    ...importancePresets.trl,
    level,
    bound,
    low: options['clip_min'] == null ? 0 : numberOf(options['clip_min']),
    high: options['clip_max'] == null ? Number.POSITIVE_INFINITY : numberOf(options['clip_max']),
  };
  const native = importanceWeights(logprobs, sampling, rows, chosen).weights;
  const reference = importanceWeightsReference(logprobs, sampling, rows, chosen);
  const recorded = matrixOf(outputs['importance_sampling_ratio']);
  const expected = recorded.flatMap((row) =>
    row.length === 1 && columns > 1 ? Array<number>(columns).fill(row[0]!) : row,
  );
  const isSampled = (t: number): boolean => rows.mask[t] === 1;
  // Ours is 0 outside the mask, TRL's 1 or the row's: the loss reads neither.
  const comparisons = [
    compare('weights, native', native, expected, float32, isSampled),
    compare('weights, reference', reference, expected, float64, isSampled),
    compareNumber('sampled tokens', total(sampledCounts(rows)), numberOf(outputs['num_items_in_batch']), exact),
  ];
  const metrics = outputs['metrics'] as Readonly<Record<string, unknown>>;
  const gaps = Array.from(logprobs, (logprob, t) => Math.abs(logprob - sampling[t]!)).filter(
    (gap, t) => isSampled(t) && !Number.isNaN(gap),
  );
  // One weight a row for the sequence modes; a row without a sampled token has the empty product, 1, bounded as the others.
  const flat =
    level === 'token'
      ? Array.from(reference).filter((_, t) => isSampled(t))
      : recorded.map((_, row) => {
          const first = rows.mask.subarray(row * columns, (row + 1) * columns).indexOf(1);
          return first < 0 ? bounded(1, chosen) : reference[row * columns + first]!;
        });
  const ours: Readonly<Record<string, number>> = {
    'sampling_logp_difference/mean': gaps.length === 0 ? 0 : total(gaps) / gaps.length,
    'sampling_logp_difference/max': Math.max(0, ...gaps),
    'importance_sampling_ratio/min': flat.length === 0 ? 0 : Math.min(...flat),
    'importance_sampling_ratio/mean': flat.length === 0 ? 0 : total(flat) / flat.length,
    'importance_sampling_ratio/max': flat.length === 0 ? 0 : Math.max(...flat),
  };
  for (const [key, value] of Object.entries(metrics)) {
    comparisons.push(compareNumber(key, ours[key] ?? Number.NaN, numberOf(value), metric));
  }
  return compared(...comparisons);
}

function bounded(weight: number, { bound, low = 0, high }: ImportanceOptions): number {
  if (bound === 'truncate') return Math.min(Math.max(weight, low), high);
  return weight >= low && weight <= high ? weight : 0;
}

/** What is trained on of completions, some of which ran into the length limit. */
function judgeTruncation({ options, inputs, outputs }: FixtureCase): Verdict {
  const completions = (inputs['completion_ids'] as readonly unknown[]).map(vectorOf);
  const masks = (inputs['tool_mask'] as readonly unknown[]).map(vectorOf);
  const ends = [numberOf(inputs['eos_id']), numberOf(inputs['pad_id'])];
  const columns = Math.max(...completions.map(({ length }) => length));
  const leaveOut = options['mask_truncated_completions'] === true;
  const ours = completions.flatMap((tokens, row) => {
    const mask = lossMaskOf(masks[row]!, { isTruncated: !ends.includes(tokens.at(-1)!), leaveOutTruncated: leaveOut });
    return [...mask, ...Array<number>(columns - mask.length).fill(0)];
  });
  const [completionMask, toolMask] = [
    matrixOf(outputs['completion_mask']).flat(),
    matrixOf(outputs['tool_mask']).flat(),
  ];
  const expected = completionMask.map((flag, t) => flag * toolMask[t]!);
  return compared(
    compare('loss mask', ours, expected, exact),
    compareNumber('sampled tokens', total(ours), numberOf(outputs['num_items_in_batch']), exact),
  );
}

function total(values: ArrayLike<number>): number {
  return Array.from(values).reduce((sum, value) => sum + value, 0);
}
