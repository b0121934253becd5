import { assignmentValues } from './assignment.js';
import { minHashSpread } from './min-hash.js';
import type { FixtureFile } from './report.js';
import { rngCounter } from './rng-counter.js';
import { statistics } from './statistics.js';
import { textNgrams } from './text-ngrams.js';
import { textRouge } from './text-rouge.js';
import { trlAdvantages } from './trl-advantages.js';
import { trlGrpoLosses } from './trl-grpo-losses.js';
import { trlGrpoParts } from './trl-grpo-parts.js';
import { trlModel } from './trl-model.js';
import { trlOverlong } from './trl-overlong.js';
import { trlRlooLosses } from './trl-rloo-losses.js';
import { trlRolloutCorrection } from './trl-rollout-correction.js';
import { verlAdvantages } from './verl-advantages.js';
import { verlAggregationFile } from './verl-aggregation.js';
import { verlLogits } from './verl-logits.js';
import { verlMaskedStatistics } from './verl-masked-statistics.js';
import { verlOldFaults } from './verl-old-faults.js';
import { verlPolicyLarge } from './verl-policy-large.js';
import { verlPolicyLosses } from './verl-policy-losses.js';
import { verlRolloutCorrection } from './verl-rollout-correction.js';
import { verlValueKl } from './verl-value-kl.js';

/** Every fixture file, in the order of the table. */
export const fixtureFiles: readonly FixtureFile[] = [
  verlAdvantages,
  verlOldFaults,
  verlMaskedStatistics,
  verlPolicyLosses,
  verlPolicyLarge,
  verlAggregationFile,
  verlValueKl,
  verlRolloutCorrection,
  verlLogits,
  trlAdvantages,
  trlGrpoLosses,
  trlGrpoParts,
  trlRolloutCorrection,
  trlRlooLosses,
  trlOverlong,
  trlModel,
  textRouge,
  textNgrams,
  minHashSpread,
  rngCounter,
  assignmentValues,
  statistics,
];
