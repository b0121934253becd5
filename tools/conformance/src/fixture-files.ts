import type { FixtureFile } from './report.js';
import { trlAdvantages } from './trl-advantages.js';
import { verlAdvantages } from './verl-advantages.js';
import { verlMaskedStatistics } from './verl-masked-statistics.js';
import { verlOldFaults } from './verl-old-faults.js';

/** Every fixture file that is compared, in the order of the table. */
export const fixtureFiles: readonly FixtureFile[] = [
  verlAdvantages,
  verlOldFaults,
  verlMaskedStatistics,
  trlAdvantages,
];
