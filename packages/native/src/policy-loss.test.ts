import { describe, expect, test } from 'vitest';
import {
  aggregationWeights,
  entropyBonus,
  type PolicyBatch,
  type PolicyLossOptions,
  type PolicyLossPreset,
  policyLoss,
  policyLossPresets,
  valueLoss,
} from './index.js';

const rows = { mask: Uint8Array.of(1, 1, 0, 1), offsets: Int32Array.of(0, 3, 4) };
const batch: PolicyBatch = {
  rows,
  logprobs: Float32Array.of(Math.log(1.5), Math.log(0.5), Number.NaN, 0),
  oldLogprobs: new Float32Array(4),
  advantages: Float32Array.of(1, -1, 9, -2),
  rowWeights: Float64Array.of(1, 1),
};
const clip = { kind: 'clip', clipLow: 0.2, clipHigh: 0.28 } as const;

describe('policyLoss', () => {
  test('clips a good token above and a bad one below', () => {
    const { loss, gradient, metrics } = policyLoss(batch, { objective: clip });
    // max(-1.5, -1.28) + max(0.5, 0.8) + 2.
    expect(loss).toBeCloseTo(-1.28 + 0.8 + 2, 6);
    expect([...gradient].map((slope) => slope + 0)).toEqual([0, 0, 0, 2]);
    expect(metrics).toMatchObject({ tokens: 3, clipFractionLow: 1 / 3, clipFractionHigh: 1 / 3, dualClipFraction: 0 });
    expect(metrics.clipFraction).toBeCloseTo(2 / 3, 12);
    expect(metrics.ratioMean).toBeCloseTo(1, 6);
    expect(metrics.ratioMax).toBeCloseTo(1.5, 6);
    // mean(old - new) over three tokens.
    expect(metrics.approxKlK1).toBeCloseTo(-(Math.log(1.5) + Math.log(0.5)) / 3, 6);
  });

  test('the dual clip bounds a bad token that became likely', () => {
    const likely = { ...batch, logprobs: Float32Array.of(0, Math.log(8), 0, 0) };
    const plain = policyLoss(likely, { objective: clip });
    expect(plain.gradient[1]).toBeCloseTo(8, 5);
    const dual = policyLoss(likely, { objective: { ...clip, dualClip: 3 } });
    expect(dual.loss).toBeCloseTo(plain.loss - 8 + 3, 5);
    expect([dual.gradient[1], dual.metrics.dualClipFraction]).toEqual([0, 1 / 3]);
  });

  test('GSPO takes the ratio of the row', () => {
    // Row 0: mean of log 1.5 and log 0.5; row 1: ratio 1.
    const s = Math.sqrt(0.75);
    const gspo = {
      objective: { kind: 'clip', clipLow: 0.2, clipHigh: 0.2 },
      ratio: { level: 'sequence_mean' },
    } as const;
    expect([...policyLoss(batch, gspo).gradient]).toEqual([-s, s, 0, 2].map((x) => expect.closeTo(x, 6)));
    const whole = policyLoss(batch, { ...gspo, ratio: { level: 'sequence_mean', gradient: 'whole_row' } });
    // d(-s + s)/dlogprob = 0: the two tokens of row 0 cancel.
    expect([...whole.gradient]).toEqual([0, 0, 0, 2].map((x) => expect.closeTo(x, 6)));
  });

  test('a batch without a sampled token has loss 0', () => {
    const empty = { mask: new Uint8Array(4), offsets: rows.offsets };
    const { loss, gradient, metrics } = policyLoss(
      { ...batch, rows: empty, rowWeights: aggregationWeights(empty, { mode: 'token_mean' }) },
      { objective: clip },
    );
    expect([loss, ...gradient]).toEqual([0, 0, 0, 0, 0]);
    expect(metrics).toMatchObject({ tokens: 0, ratioMean: 1, ratioMin: 1, ratioMax: 1, clipFraction: 0 });
  });

  test('what is not finite is named', () => {
    const spoilt = (name: keyof PolicyBatch): PolicyBatch => ({
      ...batch,
      [name]: Float32Array.of(0, 0, 0, Number.NaN),
    });
    for (const name of ['logprobs', 'oldLogprobs', 'advantages'] as const) {
      expect(() => policyLoss(spoilt(name), { objective: clip })).toThrow(
        `expected finite ${name}, received NaN at index 3`,
      );
    }
    const open = { minLogRatio: Number.NEGATIVE_INFINITY, maxLogRatio: Number.POSITIVE_INFINITY };
    const wide = { ...batch, oldLogprobs: Float32Array.of(0, -100, 0, 0), logprobs: new Float32Array(4) };
    expect(() => policyLoss(wide, { objective: clip, ratio: open })).toThrow('the log-ratio at index 1 is 100');
    expect(policyLoss(wide, { objective: clip }).loss).toBeGreaterThan(4e8);
  });

  test('options without effect, and unusable ones, are refused', () => {
    const run = (options: PolicyLossOptions) => () => policyLoss(batch, options);
    expect(run({ objective: { kind: 'ppo' as 'clip', clipLow: 0, clipHigh: 0 } })).toThrow(
      'expected objective.kind to be one of clip',
    );
    expect(run({ objective: { ...clip, clipLow: -1 } })).toThrow('expected clipLow to be >= 0, received -1');
    expect(run({ objective: { ...clip, dualClip: 1 } })).toThrow('expected dualClip to be > 1, received 1');
    expect(run({ objective: { kind: 'cispo', ratioLow: 2, ratioHigh: 1 } })).toThrow('expected ratioLow <= ratioHigh');
    expect(run({ objective: { kind: 'quadratic', beta: 0 } })).toThrow('expected beta to be > 0, received 0');
    expect(run({ objective: clip, ratio: { gradient: 'whole_row' } })).toThrow(
      'expected no ratio.gradient with level token',
    );
    expect(run({ objective: { kind: 'geometric_mean', clipLow: 1, clipHigh: 1 }, ratio: { level: 'token' } })).toThrow(
      'expected no ratio options with objective geometric_mean',
    );
    expect(run({ objective: clip, kl: { estimator: 'k3', coefficient: 0.1 } })).toThrow(
      'expected kl and referenceLogprobs together',
    );
    const withReference = { ...batch, referenceLogprobs: new Float32Array(4) };
    expect(() => policyLoss(withReference, { objective: clip })).toThrow('expected kl and referenceLogprobs together');
    expect(() =>
      policyLoss(withReference, { objective: clip, kl: { estimator: 'k1', coefficient: 1, valueBound: 10 } }),
    ).toThrow('expected no valueBound with estimator k1');
    expect(() => policyLoss({ ...batch, klWeights: new Float32Array(4) }, { objective: clip })).toThrow(
      'expected no klWeights without kl',
    );
    expect(() => policyLoss({ ...batch, rowWeights: new Float64Array(3) }, { objective: clip })).toThrow(
      'a Float64Array of 2 rows',
    );
    expect(() => policyLoss({ ...batch, advantages: new Float32Array(3) }, { objective: clip })).toThrow(
      'expected advantages.length to be mask.length 4, received 3',
    );
  });

  test('every preset runs', () => {
    const clean = { ...batch, logprobs: Float32Array.of(-1, -2, 0, -0.5) };
    for (const family of Object.values(policyLossPresets)) {
      for (const { aggregation, ...options } of Object.values<PolicyLossPreset>(family)) {
        const rowWeights = aggregationWeights(rows, aggregation);
        const reference = options.kl === undefined ? {} : { referenceLogprobs: clean.oldLogprobs };
        const result = policyLoss({ ...clean, ...reference, rowWeights }, options);
        expect(Number.isFinite(result.loss) && result.metrics.tokens === 3).toBe(true);
      }
    }
  });
});

describe('aggregationWeights', () => {
  // Two, none and one sampled tokens.
  const three = { mask: Uint8Array.of(1, 1, 0, 1), offsets: Int32Array.of(0, 2, 3, 4) };
  test('of each mode, rows without a sampled token left out or counted', () => {
    expect([...aggregationWeights(three, { mode: 'token_mean' })]).toEqual([1 / 3, 0, 1 / 3]);
    expect([...aggregationWeights(three, { mode: 'token_sum' })]).toEqual([1, 0, 1]);
    expect([...aggregationWeights(three, { mode: 'sequence_mean_token_sum' })]).toEqual([1 / 2, 0, 1 / 2]);
    expect([...aggregationWeights(three, { mode: 'sequence_mean_token_mean' })]).toEqual([1 / 4, 0, 1 / 2]);
    expect([...aggregationWeights(three, { mode: 'sequence_mean_token_mean', emptyRows: 'count' })]).toEqual([
      1 / 6,
      0,
      1 / 3,
    ]);
    expect([...aggregationWeights(three, { mode: 'constant', length: 10 })]).toEqual([1 / 20, 0, 1 / 20]);
    expect([...aggregationWeights(three, { mode: 'token_mean', totalTokens: 12, scale: 2 })]).toEqual([
      1 / 6,
      0,
      1 / 6,
    ]);
  });

  test('options without effect, and missing totals, are refused', () => {
    expect(() => aggregationWeights(three, { mode: 'token_mean', length: 3 })).toThrow(
      'expected length with mode constant',
    );
    expect(() => aggregationWeights(three, { mode: 'constant' })).toThrow('received undefined with constant');
    expect(() => aggregationWeights(three, { mode: 'constant', length: 0 })).toThrow(
      'expected length to be finite and > 0',
    );
    expect(() => aggregationWeights(three, { mode: 'token_mean', scale: 2 })).toThrow(
      'expected totalTokens of the whole batch',
    );
    expect(() => aggregationWeights(three, { mode: 'constant', length: 4, scale: 2 })).toThrow('expected totalRows');
    expect(() => aggregationWeights(three, { mode: 'mean' as 'token_sum' })).toThrow(
      'expected mode to be one of token_mean',
    );
  });
});

test('valueLoss takes the larger error and passes no gradient through the clip', () => {
  const three = { mask: Uint8Array.of(1, 1, 0), offsets: Int32Array.of(0, 3) };
  const { loss, gradient, clipFraction } = valueLoss(
    {
      rows: three,
      values: Float32Array.of(2, 0.1, Number.NaN),
      oldValues: Float32Array.of(0, 0, 0),
      returns: Float32Array.of(3, 1, 0),
      rowWeights: Float64Array.of(0.5),
    },
    { clip: 0.5 },
  );
  // (2 - 3)^2 against (0.5 - 3)^2; (0.1 - 1)^2 twice.
  expect(loss).toBeCloseTo(0.25 * (6.25 + 0.81), 6);
  expect([...gradient]).toEqual([0, expect.closeTo(-0.45, 6), 0]);
  expect(clipFraction).toBe(0.5);
});

test('entropyBonus pays for entropy where the rows are sampled', () => {
  const bonus = entropyBonus(Float32Array.of(1, 2, Number.NaN, 4), rows, {
    coefficient: 0.1,
    rowWeights: Float64Array.of(0.5, 1),
  });
  expect(bonus.loss).toBeCloseTo(-0.1 * (0.5 * 3 + 4), 12);
  expect([...bonus.gradient]).toEqual([-0.05, -0.05, 0, -0.1].map(Math.fround));
  expect(() =>
    entropyBonus(Float32Array.of(1, Number.NaN, 0, 0), rows, { coefficient: 1, rowWeights: Float64Array.of(1, 1) }),
  ).toThrow('expected finite entropies, received NaN at index 1');
});
