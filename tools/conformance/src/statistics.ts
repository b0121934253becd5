import {
  bootstrapMean,
  exactBootstrapQuantiles,
  exactInterval,
  mcnemarTest,
  type PermutationOptions,
  pairedPermutationTest,
  passAtK,
  passHatK,
  wilsonInterval,
} from '@parl-mt/evaluation';
import { type FixtureCase, numberOf, vectorOf } from './fixture.js';
import type { FixtureFile } from './report.js';
import { type Comparison, compare, compared, compareNumber, exact, float64, holds, type Verdict } from './verdict.js';

export const statistics: FixtureFile = { file: 'statistics.jsonl', judge };

function judge(each: FixtureCase): Verdict {
  switch (each.source) {
    case 'scipy.stats.binomtest.proportion_ci':
      return judgeProportion(each);
    case 'statsmodels.stats.contingency_tables.mcnemar': {
      const [[, b], [c]] = each.inputs['table'] as [[number, number], [number, number]];
      return compared(
        compareNumber('p', mcnemarTest(b, c), numberOf(each.outputs['p']), float64),
        compareNumber('statistic', Math.min(b, c), numberOf(each.outputs['statistic']), exact),
      );
    }
    case 'scipy.stats.permutation_test': {
      const alternative = each.options['alternative'] as NonNullable<PermutationOptions['alternative']>;
      const ours = pairedPermutationTest(vectorOf(each.inputs['x']), vectorOf(each.inputs['y']), { alternative });
      return compared(
        holds('all patterns tried', ours.isExact),
        compareNumber('p', ours.p, numberOf(each.outputs['p']), float64),
        compareNumber('statistic', ours.statistic, numberOf(each.outputs['statistic']), float64),
      );
    }
    case 'scipy.stats.hypergeom': {
      const [trials, successes] = [numberOf(each.inputs['trials']), numberOf(each.inputs['successes'])];
      const ks = vectorOf(each.inputs['k']);
      return compared(
        compare(
          'pass@k',
          ks.map((k) => passAtK(trials, successes, k)),
          vectorOf(each.outputs['pass_at_k']),
          float64,
        ),
        compare(
          'pass^k',
          ks.map((k) => passHatK(trials, successes, k)),
          vectorOf(each.outputs['pass_hat_k']),
          float64,
        ),
      );
    }
    case 'numpy.quantile over all resamples':
      return judgeBootstrap(each);
    default:
      throw new TypeError(`expected a known function, received ${each.source}`);
  }
}

function judgeProportion({ options, inputs, outputs }: FixtureCase): Verdict {
  const [successes, trials] = [numberOf(inputs['successes']), numberOf(inputs['trials'])];
  const confidence = numberOf(options['confidence']);
  const tail = (1 - confidence) / 2;
  const outcomes = Array.from({ length: trials }, (_, i) => (i < successes ? 1 : 0));
  const wilson = wilsonInterval(successes, trials, { confidence });
  const corrected = wilsonInterval(successes, trials, { confidence, isContinuous: true });
  const precise = exactInterval(successes, trials, { confidence });
  const limit = exactBootstrapQuantiles(outcomes, [tail, 1 - tail]);
  return compared(
    compare('wilson', [wilson.low, wilson.high], vectorOf(outputs['wilson']), float64),
    compare('wilson with continuity', [corrected.low, corrected.high], vectorOf(outputs['wilsoncc']), float64),
    compare('exact', [precise.low, precise.high], vectorOf(outputs['exact']), float64),
    compare('limit of the bootstrap', limit, vectorOf(outputs['bootstrap_limit']), float64),
    ...(confidence === 0.95 ? resampled(outcomes, limit, 1 / trials) : []),
  );
}

function judgeBootstrap({ inputs, outputs }: FixtureCase): Verdict {
  const values = vectorOf(inputs['x']);
  const shares = Object.keys(outputs)
    .filter((key) => key.startsWith('q'))
    .map((key) => Number(key.slice(1)));
  const ours = exactBootstrapQuantiles(values, shares);
  const expected = shares.map((share) => numberOf(outputs[`q${share}`]));
  const limits = exactBootstrapQuantiles(values, [0.025, 0.975]);
  // The next atoms on either side lie within what half a percent more or less of the distribution spans.
  const around = exactBootstrapQuantiles(values, [0.01, 0.05, 0.95, 0.99]);
  const step = Math.max(around[1]! - around[0]!, around[3]! - around[2]!, 1e-12);
  return compared(
    compare('quantiles over all resamples', ours, expected, float64),
    compareNumber('mean', bootstrapMean(values, 100, 1).mean, numberOf(outputs['mean']), float64),
    ...resampled(values, limits, step),
  );
}

const RESAMPLES = 4000;

/**
 * Our percentile bootstrap comes within one atom of its limit, and the chance of the resamples: four standard errors of a 2.5%
 * quantile, sqrt(q (1 - q) / resamples) over the normal density there, 0.0584 of a standard deviation of the mean.
 */
function resampled(values: readonly number[], limits: readonly number[], atom: number): Comparison[] {
  const { mean, low, high } = bootstrapMean(values, RESAMPLES, 1);
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length ** 2;
  const chance = (4 * Math.sqrt((0.025 * 0.975) / RESAMPLES) * Math.sqrt(variance)) / 0.0584;
  return [compare('resampled limits', [low, high], limits, () => atom * (1 + 1e-9) + chance)];
}
