import { advantageWorks } from './advantage-works.js';
import { decoderWorks } from './decoder-works.js';
import { linearLogprobWorks } from './linear-logprob-works.js';
import { logprobWorks } from './logprob-works.js';
import type { Work } from './measure.js';
import { policyLossWorks } from './policy-loss-works.js';
import { redundancyWorks } from './redundancy-works.js';
import { smollm2Works } from './smollm2-works.js';
import { tauBenchWorks } from './tau-bench-works.js';
import { trainerWorks } from './trainer-works.js';

/**
 * Every work this program knows, with the names of the peers' programs.
 *
 * @param files.smollm2 - SmolLM2-135M-Instruct as a GGUF file; without it its works are left out.
 */
export function allWorks({ smollm2 }: { readonly smollm2?: string | undefined } = {}): Work[] {
  return [
    ...logprobWorks(),
    ...linearLogprobWorks(),
    ...advantageWorks(),
    ...policyLossWorks(),
    ...redundancyWorks(),
    ...decoderWorks(),
    ...trainerWorks(),
    ...tauBenchWorks(),
    ...(smollm2 === undefined ? [] : smollm2Works(smollm2)),
  ];
}

/** Works whose name contains one of the parts; all when there are none. */
export function selectWorks(works: readonly Work[], parts: readonly string[]): Work[] {
  return works.filter(({ name }) => parts.length === 0 || parts.some((part) => name.includes(part)));
}
