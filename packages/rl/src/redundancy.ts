import { canonicalCallText, hashTexts, ngramContainment, repeatedCalls, rougeL, tokenBatch } from '@parl-mt/native';
import type { Step, Trajectory } from '@parl-mt/schema';
import { parseArguments } from './call-correctness.js';

/** Words of a verbatim quotation: shorter runs are ids, names and values that a summary needs. */
const QUOTED_WORDS = 4;

/**
 * Calls of each trajectory that repeat an earlier one to no effect: the same call while the state is unchanged since, or
 * a failed call again verbatim (DESIGN section 4).
 *
 * @returns number of repeated calls, one per trajectory.
 */
export function callRedundancy(trajectories: readonly Trajectory[]): number[] {
  const texts: string[] = [];
  const versions: number[] = [];
  const failed: number[] = [];
  const offsets = new Int32Array(trajectories.length + 1);
  const digestIds = new Map<string, number>();
  for (const [index, { steps }] of trajectories.entries()) {
    for (const step of steps) {
      for (const [k, call] of step.calls.entries()) {
        const digest = step.stateBefore[k]!;
        if (!digestIds.has(digest)) digestIds.set(digest, digestIds.size);
        const text = canonicalCallText({ name: call.name, arguments: parseArguments(call.arguments) });
        // A call that its environment failed is no call that a later one could repeat: trying again is right.
        texts.push(step.results[k]!.fault === 'environment' ? `${text} failed ${texts.length}` : text);
        versions.push(digestIds.get(digest)!);
        failed.push(step.results[k]!.isError ? 1 : 0);
      }
    }
    offsets[index + 1] = texts.length;
  }
  const flags = repeatedCalls({
    callHashes: hashTexts(texts),
    stateVersions: Int32Array.from(versions),
    failed: Uint8Array.from(failed),
    offsets,
  });
  return trajectories.map((_, index) =>
    flags.subarray(offsets[index]!, offsets[index + 1]!).reduce((sum, flag) => sum + flag, 0),
  );
}

/**
 * How much of its awareness a trajectory spends on restating, in [0, 1]: the mean, over steps that have an earlier
 * awareness, of
 * - ROUGE-L F of the plan against the former plan (a plan that does not move has no progress in it), and
 * - the share of the summary's runs of four words that stand in the tool results since that awareness (quoting a result
 *   and not what was learned from it).
 * What the summary carries over from the former summary does not count: it has to.
 *
 * @returns one value per trajectory; 0 where no step has an earlier awareness.
 */
export function contextRedundancy(trajectories: readonly Trajectory[]): number[] {
  const vocabulary = new Map<string, number>();
  const pairs = trajectories.flatMap(({ steps }, trajectory) =>
    awarenessPairs(steps).map((pair) => ({ trajectory, ...pair })),
  );
  const words = (text: string): number[] => wordIds(text, vocabulary);
  const plans = rougeL(
    tokenBatch(pairs.map(({ plan }) => words(plan))),
    tokenBatch(pairs.map(({ formerPlan }) => words(formerPlan))),
  );
  const quotes = ngramContainment(
    tokenBatch(pairs.map(({ summary }) => words(summary))),
    tokenBatch(pairs.map(({ results }) => words(results))),
    { n: QUOTED_WORDS },
  );
  const sums = new Float64Array(trajectories.length);
  const counts = new Int32Array(trajectories.length);
  for (const [index, { trajectory }] of pairs.entries()) {
    sums[trajectory]! += (plans.f[index]! + quotes[index]!) / 2;
    counts[trajectory]! += 1;
  }
  return Array.from(sums, (sum, index) => (counts[index] === 0 ? 0 : sum / counts[index]!));
}

interface AwarenessPair {
  readonly summary: string;
  readonly plan: string;
  readonly formerPlan: string;
  /** Tool results between the two, joined by lines. */
  readonly results: string;
}

function awarenessPairs(steps: readonly Step[]): AwarenessPair[] {
  const pairs: AwarenessPair[] = [];
  let former: Step | undefined;
  let results: string[] = [];
  for (const step of steps) {
    if (step.awareness !== undefined) {
      if (former?.awareness !== undefined) {
        pairs.push({ ...step.awareness, formerPlan: former.awareness.plan, results: results.join('\n') });
      }
      former = step;
      results = [];
    }
    results.push(...step.results.map(({ content }) => content));
  }
  return pairs;
}

function wordIds(text: string, vocabulary: Map<string, number>): number[] {
  return (text.match(/[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu) ?? []).map((word) => {
    let id = vocabulary.get(word);
    if (id === undefined) {
      id = vocabulary.size;
      vocabulary.set(word, id);
    }
    return id;
  });
}
