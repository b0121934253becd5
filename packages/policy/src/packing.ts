import { UsageError } from '@parl-mt/schema';
import { PrefixTree } from './prefix-tree.js';

/** Tokens of one sequence, and for each whether it is a target. The first token never is: nothing comes before it. */
export interface TrainingSequence {
  readonly tokens: Int32Array | readonly number[];
  /** Parallel to tokens; other than 0 means that the log-probability of this token counts. */
  readonly lossMask: ArrayLike<number>;
}

/**
 * Sequences end to end, without padding. N tokens in S segments, M sequences, T targets. A segment is a sequence; or where prefixes are shared
 * it is some tokens that sequences have in common, or the rest of one.
 */
export interface PackedBatch {
  /** [N]. */
  readonly tokens: Int32Array;
  /** [S + 1]: first token of each segment, then N. */
  readonly offsets: Int32Array;
  /** [S]: the segment that each one continues, an earlier one, or -1; undefined where none continues another. */
  readonly parents?: Int32Array | undefined;
  /** [N]: 0, 1, 2, ... within each sequence. */
  readonly positions: Int32Array;
  /** [T]: the token after which each target comes; sequences that share it may all have one. */
  readonly targetRows: Int32Array;
  /** [T]: what follows `tokens[targetRows[i]]` in its sequence. */
  readonly targets: Int32Array;
  /** [M + 1]: first target of each sequence in `targets`, then T. */
  readonly targetOffsets: Int32Array;
  /** [M]: which of the packed sequences, by index, each one is. */
  readonly sequences: Int32Array;
}

export interface PackingOptions {
  /**
   * Tokens with which neighbouring sequences begin alike, as the rollouts of a group do, are computed once. Log-probs keep their
   * bits; gradients are the same sums in another order. Default false.
   */
  readonly sharePrefixes?: boolean;
  /**
   * Rows from the last target of a sequence on are left out: no target comes after them. They still count as tokens of a batch.
   * Default false.
   */
  readonly untilLastTarget?: boolean;
}

/**
 * Packs sequences, in order, into batches of at most `batchTokens` tokens. A sequence longer than that has a batch of its
 * own: none is cut or dropped.
 *
 * @throws {UsageError} when a mask's length is not its sequence's, or batchTokens is not positive.
 */
export function packSequences(
  sequences: readonly TrainingSequence[],
  batchTokens: number,
  { sharePrefixes = false, untilLastTarget = false }: PackingOptions = {},
): PackedBatch[] {
  if (!Number.isInteger(batchTokens) || batchTokens < 1) {
    throw new UsageError(`expected batchTokens of at least 1, received ${batchTokens}`);
  }
  const batches: PackedBatch[] = [];
  let members: number[] = [];
  let tree = new PrefixTree();
  let leftOut = 0; // tokens of the members that have no rows
  for (const [i, { tokens, lossMask }] of sequences.entries()) {
    if (lossMask.length !== tokens.length) {
      throw new UsageError(
        `expected a loss mask of length ${tokens.length} for sequence ${i}, received ${lossMask.length}`,
      );
    }
    const used = untilLastTarget ? tokens.slice(0, lastTarget(lossMask)) : tokens;
    let shared = sharePrefixes ? tree.shared(used) : 0;
    if (members.length > 0 && tree.size + leftOut + tokens.length - shared > batchTokens) {
      batches.push(packOne(sequences, members, tree));
      members = [];
      tree = new PrefixTree();
      leftOut = 0;
      shared = 0;
    }
    members.push(i);
    tree.add(used, shared);
    leftOut += tokens.length - used.length;
  }
  if (members.length > 0) batches.push(packOne(sequences, members, tree));
  return batches;
}

/** Where the last target of a sequence is; 0 where it has none. */
function lastTarget(lossMask: ArrayLike<number>): number {
  for (let t = lossMask.length - 1; t > 0; t -= 1) if (lossMask[t] !== 0) return t;
  return 0;
}

function packOne(all: readonly TrainingSequence[], members: readonly number[], tree: PrefixTree): PackedBatch {
  const { segments, paths } = tree.segments();
  const tokens = new Int32Array(tree.size);
  const positions = new Int32Array(tree.size);
  const offsets = new Int32Array(segments.length + 1);
  for (const [s, { sequence, from, to }] of segments.entries()) {
    const own = all[members[sequence]!]!.tokens;
    const start = offsets[s]!;
    for (let t = from; t < to; t += 1) {
      tokens[start + t - from] = own[t]!;
      positions[start + t - from] = t;
    }
    offsets[s + 1] = start + to - from;
  }
  const targetOffsets = new Int32Array(members.length + 1);
  const targetRows: number[] = [];
  const targets: number[] = [];
  for (const [m, index] of members.entries()) {
    const sequence = all[index]!;
    for (const segment of paths[m]!) {
      const { from, to } = segments[segment]!;
      // Each token predicts the next one.
      for (let t = from + 1; t <= Math.min(to, sequence.tokens.length - 1); t += 1) {
        if (sequence.lossMask[t] === 0) continue;
        targetRows.push(offsets[segment]! + t - 1 - from);
        targets.push(sequence.tokens[t]!);
      }
    }
    targetOffsets[m + 1] = targets.length;
  }
  return {
    tokens,
    offsets,
    parents: segments.some(({ parent }) => parent >= 0) ? Int32Array.from(segments, ({ parent }) => parent) : undefined,
    positions,
    targetRows: Int32Array.from(targetRows),
    targets: Int32Array.from(targets),
    targetOffsets,
    sequences: Int32Array.from(members),
  };
}
