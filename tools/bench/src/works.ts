import { advantageWorks } from './advantage-works.js';
import { decoderWorks } from './decoder-works.js';
import { linearLogprobWorks } from './linear-logprob-works.js';
import { logprobWorks } from './logprob-works.js';
import type { Work } from './measure.js';
import { policyLossWorks } from './policy-loss-works.js';
import { redundancyWorks } from './redundancy-works.js';
import { tauBenchWorks } from './tau-bench-works.js';
import { trainerWorks } from './trainer-works.js';

/** Every work this program knows, with the names of the peers' programs. */
export function allWorks(): Work[] {
  return [
    ...logprobWorks(),
    ...linearLogprobWorks(),
    ...advantageWorks(),
    ...policyLossWorks(),
    ...redundancyWorks(),
    ...decoderWorks(),
    ...trainerWorks(),
    ...tauBenchWorks(),
  ];
}

/** Works whose name contains one of the parts; all when there are none. */
export function selectWorks(works: readonly Work[], parts: readonly string[]): Work[] {
  return works.filter(({ name }) => parts.length === 0 || parts.some((part) => name.includes(part)));
}
