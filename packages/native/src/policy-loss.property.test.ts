import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type AggregationMode,
  aggregationWeights,
  type KlTerm,
  klPenalty,
  type PolicyBatch,
  type PolicyLossOptions,
  type PolicyObjective,
  type PolicyRatio,
  type PolicyRowField,
  policyLoss,
  sampledCounts,
  type TokenRows,
  valueLoss,
} from './index.js';
import { bits, expectSameOnAnyThreads, expectWithin, onEveryIsa } from './kernel-laws.testing.js';
import { klReference, policyLossReference, valueLossReference } from './reference/index.js';
import { floatsFor, sampledRows } from './rows.testing.js';

/** Log-probs on a grid: no ratio of a token comes so close to a bound that float32 and float64 disagree about its side. */
const logprob = fc.integer({ min: -200, max: 0 }).map((k) => k / 64);
const far = fc.integer({ min: -3000, max: 0 }).map((k) => k / 64);
/** No denormals: their products round a clipped and an unclipped term to one number. */
const advantage = fc.oneof(
  fc.constantFrom(0, 1, -1),
  fc.integer({ min: -300, max: 300 }).map((k) => Math.fround(k / 100)),
);
const bound = fc.constantFrom(0, 0.21, 0.28, 0.9);

const objective: fc.Arbitrary<PolicyObjective> = fc.oneof(
  fc.record(
    {
      kind: fc.constant('clip' as const),
      clipLow: bound,
      clipHigh: bound,
      dualClip: fc.constantFrom(1.5, 3),
      ratioCap: fc.constantFrom(1.1, 2),
    },
    { requiredKeys: ['kind', 'clipLow', 'clipHigh'] },
  ),
  fc.record({
    kind: fc.constant('cispo' as const),
    ratioLow: fc.constantFrom(0, 0.7),
    ratioHigh: fc.constantFrom(1.3, 5),
  }),
  fc.record({
    kind: fc.constant('sapo' as const),
    tauPositive: fc.constantFrom(0.5, 1),
    tauNegative: fc.constantFrom(1.05, 4),
  }),
  fc.constant({ kind: 'reinforce' } as const),
  fc.record({ kind: fc.constant('quadratic' as const), beta: fc.constantFrom(0.1, 2) }),
  fc.record({ kind: fc.constant('geometric_mean' as const), clipLow: bound, clipHigh: bound }),
);
const ratio: fc.Arbitrary<PolicyRatio> = fc.oneof(
  fc.constant({}),
  fc.constant({ minLogRatio: -1, maxLogRatio: 1.5 }),
  fc.record({
    level: fc.constantFrom('sequence_mean', 'sequence_sum'),
    gradient: fc.constantFrom('own_token', 'whole_row'),
    minLogRatio: fc.constant(-3),
    maxLogRatio: fc.constant(2),
  } as const),
);
const kl: fc.Arbitrary<KlTerm> = fc.record(
  {
    estimator: fc.constantFrom('k1', 'k2', 'abs'),
    coefficient: fc.constantFrom(0.04, 1),
    gradient: fc.constantFrom('own', 'k2'),
    timesRatio: fc.boolean(),
  } as const,
  { requiredKeys: ['estimator', 'coefficient'] },
);
const k3: fc.Arbitrary<KlTerm> = fc.record(
  {
    estimator: fc.constant('k3' as const),
    coefficient: fc.constantFrom(0.04, 1),
    exponentBound: fc.constantFrom(2, 20),
    valueBound: fc.constantFrom(1, 10),
    timesRatio: fc.boolean(),
  },
  { requiredKeys: ['estimator', 'coefficient'] },
);
const options = fc
  .tuple(objective, ratio, fc.option(fc.oneof(kl, k3), { nil: undefined }))
  .map(([chosen, level, term]): PolicyLossOptions => {
    const withKl = term === undefined ? {} : { kl: term };
    return chosen.kind === 'geometric_mean'
      ? { objective: chosen, ...withKl }
      : { objective: chosen, ratio: level, ...withKl };
  });
const modes = fc.constantFrom<AggregationMode>(
  'token_mean',
  'token_sum',
  'sequence_mean_token_sum',
  'sequence_mean_token_mean',
);

const batches = (each: fc.Arbitrary<number>) =>
  sampledRows().chain(({ rows }) =>
    fc.record({
      rows: fc.constant(rows),
      logprobs: floatsFor(rows, each),
      oldLogprobs: floatsFor(rows, each),
      advantages: floatsFor(rows, advantage),
      weights: floatsFor(rows, fc.constantFrom(1, 0.5, 2, 1.3)),
      referenceLogprobs: floatsFor(rows, each),
      klWeights: floatsFor(rows, fc.constantFrom(0, 1, 0.5)),
      mode: modes,
      isWeighted: fc.boolean(),
    }),
  );
type Drawn = ReturnType<typeof batches> extends fc.Arbitrary<infer T> ? T : never;

/** The batch for the options: the parts that the options do not use are left out. */
function batchFor(drawn: Drawn, chosen: PolicyLossOptions): PolicyBatch {
  const { rows, logprobs, oldLogprobs, advantages, weights, referenceLogprobs, klWeights, mode, isWeighted } = drawn;
  return {
    rows,
    logprobs,
    oldLogprobs,
    advantages,
    rowWeights: aggregationWeights(rows, { mode }),
    ...(isWeighted ? { weights } : {}),
    ...(chosen.kl === undefined ? {} : { referenceLogprobs, ...(isWeighted ? { klWeights } : {}) }),
  };
}

/** Whether a ratio of a row, a mean of grid points, lies so close to a bound that float32 may fall on the other side. */
function isNearBound(batch: PolicyBatch, { objective: chosen, ratio: level }: PolicyLossOptions): boolean {
  if (level?.level === undefined || level.level === 'token') return false;
  const bounds =
    chosen.kind === 'clip'
      ? [1 - chosen.clipLow, 1 + chosen.clipHigh, chosen.dualClip ?? 0, chosen.ratioCap ?? 0]
      : chosen.kind === 'cispo'
        ? [chosen.ratioLow ?? 0, chosen.ratioHigh]
        : [];
  const edges = [...bounds.filter((edge) => edge > 0).map(Math.log), level.minLogRatio ?? -20, level.maxLogRatio ?? 20];
  const { rows } = policyLossReference(batch, { objective: chosen, ratio: level });
  return rows.some(({ tokens, logRatio }) => {
    const log = level.level === 'sequence_mean' ? logRatio / Math.max(1, tokens) : logRatio;
    return edges.some((edge) => Math.abs(log - edge) < 1e-4);
  });
}

describe('policyLoss', () => {
  test('agrees with the reference: loss, gradient and every sum, on every instruction set', () => {
    fc.assert(
      fc.property(batches(logprob), options, (drawn, chosen) => {
        const batch = batchFor(drawn, chosen);
        fc.pre(!isNearBound(batch, chosen));
        const expected = policyLossReference(batch, chosen);
        const largest = expected.gradient.reduce((most, slope) => Math.max(most, Math.abs(slope)), 0);
        const added = expected.rows.reduce((sum, { loss }) => sum + Math.abs(loss), 0);
        onEveryIsa(() => {
          const ours = policyLoss(batch, chosen);
          // Terms are float32: a few roundings each, relative to the terms that cancel in it (value and KL).
          expectWithin(ours.gradient, expected.gradient, () => 2e-5 * (largest + 1e-6));
          expect(Math.abs(ours.loss - expected.loss)).toBeLessThanOrEqual(2e-5 * (added + 1e-6));
          const theirs = (field: PolicyRowField): number[] => expected.rows.map((row) => row[field]);
          for (const field of ['tokens', 'clipped', 'dual', 'low', 'high'] as const) {
            expect([field, ...ours.row(field)]).toEqual([field, ...theirs(field)]);
          }
          for (const field of ['logRatio', 'k3', 'ratio', 'kl', 'smallestRatio', 'largestRatio'] as const) {
            const [values, tokens] = [theirs(field), theirs('tokens')];
            expectWithin(ours.row(field), values, (r) => 1e-5 * (1 + Math.abs(values[r]!)) * (1 + tokens[r]!));
          }
        });
      }),
      { numRuns: 150 },
    );
  });

  test('the gradient is the slope of the loss', () => {
    // Objectives whose gradient is by definition not that of their value (constant ratios, straight-through) are left out.
    const smooth = fc.oneof(
      fc.record({
        objective: objective.filter(({ kind }) => kind === 'clip' || kind === 'sapo' || kind === 'quadratic'),
      }),
      fc.record({
        objective: objective.filter(({ kind }) => kind === 'clip' || kind === 'sapo'),
        ratio: fc.constantFrom(
          { level: 'sequence_mean', gradient: 'whole_row' } as const,
          { level: 'sequence_sum', gradient: 'whole_row' } as const,
        ),
        kl: fc.constantFrom(
          { estimator: 'k3', coefficient: 0.1, timesRatio: true } as const,
          {
            estimator: 'k2',
            coefficient: 0.1,
          } as const,
        ),
      }),
      fc.record({ objective: objective.filter(({ kind }) => kind === 'geometric_mean') }),
    );
    fc.assert(
      fc.property(batches(logprob), smooth, (drawn, chosen: PolicyLossOptions) => {
        const batch = batchFor(drawn, chosen);
        fc.pre(!isNearBound(batch, chosen));
        const step = 1e-5;
        const { gradient } = policyLossReference(batch, chosen);
        const at = (t: number, distance: number): number => {
          const moved = Float64Array.from(batch.logprobs, (x, i) => (i === t ? x + distance : x));
          return policyLossReference({ ...batch, logprobs: moved }, chosen).loss;
        };
        const { gradient: ours } = policyLoss(batch, chosen);
        const largest = gradient.reduce((most, slope) => Math.max(most, Math.abs(slope)), 1e-3);
        for (let t = 0; t < ours.length; t += 17) {
          const [left, right] = [(at(t, 0) - at(t, -step)) / step, (at(t, step) - at(t, 0)) / step];
          // At a kink (ratio 1 and a bound of 0, a clip at a grid point) any slope between the two sides is right.
          const [low, high] = [Math.min(left, right), Math.max(left, right)];
          const tolerance = 1e-3 * largest;
          expect(
            ours[t]! >= low - tolerance && ours[t]! <= high + tolerance,
            `token ${t}: ${ours[t]} in ${low}..${high}`,
          ).toBe(true);
        }
      }),
      { numRuns: 40 },
    );
  });

  test('what stands outside the mask has no influence, and gets no gradient', () => {
    fc.assert(
      fc.property(batches(logprob), options, (drawn, chosen) => {
        const batch = batchFor(drawn, chosen);
        const spoilt = (values: Float32Array): Float32Array =>
          values.map((value, t) => (batch.rows.mask[t] === 0 ? Number.NaN : value));
        const arrays = Object.fromEntries(
          Object.entries(batch).map(([name, value]) => [name, value instanceof Float32Array ? spoilt(value) : value]),
        ) as unknown as PolicyBatch;
        const [before, after] = [policyLoss(batch, chosen), policyLoss(arrays, chosen)];
        expect(after.loss).toBe(before.loss);
        expect(bits(after.gradient)).toEqual(bits(before.gradient));
        expect(after.metrics).toEqual(before.metrics);
        expect(after.gradient.every((slope, t) => batch.rows.mask[t] === 1 || slope === 0)).toBe(true);
      }),
    );
  });

  test('cutting a batch into micro-batches changes no bit of the gradient', () => {
    fc.assert(
      fc.property(batches(logprob), options, fc.nat(), (drawn, chosen, cutAt) => {
        const batch = batchFor(drawn, chosen);
        const whole = policyLoss(batch, chosen);
        const cut = cutAt % batch.rows.offsets.length;
        const parts = [rowsOf(batch, 0, cut), rowsOf(batch, cut, batch.rows.offsets.length - 1)].map((part) =>
          policyLoss(part, chosen),
        );
        expect(bits(Float32Array.from(parts.flatMap(({ gradient }) => [...gradient])))).toEqual(bits(whole.gradient));
        expect(Math.abs(parts[0]!.loss + parts[1]!.loss - whole.loss)).toBeLessThanOrEqual(
          1e-9 * (1 + Math.abs(whole.loss)),
        );
      }),
    );
  });

  test('at ratio 1 the gradient of a clipped loss is that of REINFORCE', () => {
    fc.assert(
      fc.property(batches(logprob), bound, bound, (drawn, clipLow, clipHigh) => {
        const batch = { ...batchFor(drawn, { objective: { kind: 'reinforce' } }), oldLogprobs: drawn.logprobs };
        const clipped = policyLoss(batch, { objective: { kind: 'clip', clipLow, clipHigh, dualClip: 3 } });
        const plain = policyLoss(batch, { objective: { kind: 'reinforce' } });
        expect(clipped.gradient).toEqual(plain.gradient);
        expect(clipped.metrics).toMatchObject({
          ratioMin: 1,
          ratioMax: 1,
          approxKlK1: 0,
          approxKlK3: 0,
          clipFraction: 0,
        });
      }),
    );
  });

  test('stays finite far away within the bounds of the log-ratio', () => {
    fc.assert(
      fc.property(batches(far), objective, (drawn, chosen) => {
        if (chosen.kind === 'geometric_mean') return;
        const batch = batchFor(drawn, { objective: chosen });
        const { loss, gradient } = policyLoss(batch, { objective: chosen });
        expect(Number.isFinite(loss) && gradient.every(Number.isFinite)).toBe(true);
      }),
    );
  });

  test('the thread count changes no bit', () => {
    const count = 64;
    const rows: TokenRows = {
      mask: Uint8Array.from({ length: count * 701 }, (_, t) => (t % 9 < 6 ? 1 : 0)),
      offsets: Int32Array.from({ length: count + 1 }, (_, row) => row * 701),
    };
    const wave = (scale: number): Float32Array =>
      rows.mask.reduce((all, _, t) => {
        all[t] = scale * Math.sin(t * t);
        return all;
      }, new Float32Array(rows.mask.length));
    const batch = {
      rows,
      logprobs: wave(1),
      oldLogprobs: wave(1.1),
      advantages: wave(2),
      rowWeights: aggregationWeights(rows, { mode: 'token_mean' }),
    };
    expectSameOnAnyThreads(() => {
      const { gradient, loss } = policyLoss(batch, { objective: { kind: 'clip', clipLow: 0.2, clipHigh: 0.2 } });
      return [gradient, Float32Array.of(loss)];
    });
  });
});

describe('klPenalty', () => {
  test('agrees with the reference at every distance, tiny ones included', () => {
    const distance = fc.oneof(
      fc.constantFrom(0, 1e-30, 1e-12, 1e-6, 1e-3, 0.499, 0.5, 0.501, 10, 20, 25, 80),
      fc.double({ min: -30, max: 30, noNaN: true }),
    );
    const estimate = fc.oneof(
      fc.record({
        estimator: fc.constantFrom('k1', 'k2', 'abs', 'k3'),
        gradient: fc.constantFrom('own', 'k2'),
      } as const),
      fc.constant({ estimator: 'k3', exponentBound: 20.03, valueBound: 10.01 } as const),
    );
    fc.assert(
      fc.property(fc.array(distance, { maxLength: 40 }), estimate, (distances, chosen) => {
        const logprobs = Float32Array.from(distances);
        const { values, gradients } = klPenalty(logprobs, new Float32Array(logprobs.length), chosen);
        for (const [t, d] of logprobs.entries()) {
          const { value, slope } = klReference(d, chosen);
          expect(Math.abs(values[t]! - value)).toBeLessThanOrEqual(2e-6 * Math.abs(value) + 1e-37);
          expect(Math.abs(gradients[t]! - slope)).toBeLessThanOrEqual(2e-6 * Math.abs(slope) + 1e-37);
        }
      }),
    );
  });
});

describe('valueLoss', () => {
  test('agrees with the reference', () => {
    const value = fc.integer({ min: -64, max: 64 }).map((k) => k / 32);
    const drawn = sampledRows().chain(({ rows }) =>
      fc.record({
        rows: fc.constant(rows),
        values: floatsFor(rows, value),
        oldValues: floatsFor(rows, value),
        returns: floatsFor(rows, value),
      }),
    );
    fc.assert(
      fc.property(drawn, modes, fc.constantFrom(0, 0.2, Number.POSITIVE_INFINITY), (batch, mode, clip) => {
        const whole = { ...batch, rowWeights: aggregationWeights(batch.rows, { mode }) };
        const expected = valueLossReference(whole, { clip });
        const ours = valueLoss(whole, { clip });
        expect(Math.abs(ours.loss - expected.loss)).toBeLessThanOrEqual(1e-6 * (1 + expected.loss));
        expect(ours.clipFraction).toBe(expected.clipFraction);
        expectWithin(ours.gradient, expected.gradient, (t) => 1e-6 * (1e-6 + Math.abs(expected.gradient[t]!)));
      }),
    );
  });
});

test('sampledCounts counts the mask', () => {
  fc.assert(
    fc.property(sampledRows(), ({ rows, lengths }) => {
      const counts = sampledCounts(rows);
      for (const [row, length] of lengths.entries()) {
        const begin = rows.offsets[row]!;
        expect(counts[row]).toBe(rows.mask.subarray(begin, begin + length).reduce((sum, flag) => sum + flag, 0));
      }
    }),
  );
});

/** Rows begin..end of a batch. */
function rowsOf(batch: PolicyBatch, begin: number, end: number): PolicyBatch {
  const [first, last] = [batch.rows.offsets[begin]!, batch.rows.offsets[end]!];
  const cut = (values: Float32Array): Float32Array => values.slice(first, last);
  return {
    rows: {
      mask: batch.rows.mask.slice(first, last),
      offsets: batch.rows.offsets.slice(begin, end + 1).map((offset) => offset - first),
    },
    logprobs: cut(batch.logprobs),
    oldLogprobs: cut(batch.oldLogprobs),
    advantages: cut(batch.advantages),
    rowWeights: batch.rowWeights.slice(begin, end),
    ...(batch.weights === undefined ? {} : { weights: cut(batch.weights) }),
    ...(batch.referenceLogprobs === undefined ? {} : { referenceLogprobs: cut(batch.referenceLogprobs) }),
    ...(batch.klWeights === undefined ? {} : { klWeights: cut(batch.klWeights) }),
  };
}
