import { UsageError } from '@parl-mt/schema';

/** Tokens of one sequence, and for each whether it is a target. The first token never is: nothing comes before it. */
export interface TrainingSequence {
  readonly tokens: Int32Array | readonly number[];
  /** Parallel to tokens; other than 0 means that the log-probability of this token counts. */
  readonly lossMask: ArrayLike<number>;
}

/** Sequences end to end, without padding. N tokens, S sequences, T targets. */
export interface PackedBatch {
  /** [N]. */
  readonly tokens: Int32Array;
  /** [S + 1]: first token of each sequence, then N. */
  readonly offsets: Int32Array;
  /** [N]: 0, 1, 2, ... within each sequence. */
  readonly positions: Int32Array;
  /** [T], ascending: the token after which each target comes. */
  readonly targetRows: Int32Array;
  /** [T]: `targets[i]` follows `tokens[targetRows[i]]`. */
  readonly targets: Int32Array;
  /** [S + 1]: first target of each sequence in `targets`, then T. */
  readonly targetOffsets: Int32Array;
  /** [S]: which of the packed sequences, by index, each one is. */
  readonly sequences: Int32Array;
}

/**
 * Packs sequences, in order, into batches of at most `batchTokens` tokens. A sequence longer than that has a batch of its
 * own: none is cut or dropped.
 *
 * @throws {UsageError} when a mask's length is not its sequence's, or batchTokens is not positive.
 */
export function packSequences(sequences: readonly TrainingSequence[], batchTokens: number): PackedBatch[] {
  if (!Number.isInteger(batchTokens) || batchTokens < 1) {
    throw new UsageError(`expected batchTokens of at least 1, received ${batchTokens}`);
  }
  const batches: PackedBatch[] = [];
  let members: number[] = [];
  let size = 0;
  for (const [i, { tokens, lossMask }] of sequences.entries()) {
    if (lossMask.length !== tokens.length) {
      throw new UsageError(
        `expected a loss mask of length ${tokens.length} for sequence ${i}, received ${lossMask.length}`,
      );
    }
    if (members.length > 0 && size + tokens.length > batchTokens) {
      batches.push(packOne(sequences, members));
      members = [];
      size = 0;
    }
    members.push(i);
    size += tokens.length;
  }
  if (members.length > 0) batches.push(packOne(sequences, members));
  return batches;
}

function packOne(all: readonly TrainingSequence[], members: readonly number[]): PackedBatch {
  const length = members.reduce((sum, i) => sum + all[i]!.tokens.length, 0);
  const tokens = new Int32Array(length);
  const positions = new Int32Array(length);
  const offsets = new Int32Array(members.length + 1);
  const targetOffsets = new Int32Array(members.length + 1);
  const targetRows: number[] = [];
  const targets: number[] = [];
  let row = 0;
  for (const [s, index] of members.entries()) {
    const sequence = all[index]!;
    for (let t = 0; t < sequence.tokens.length; t++, row++) {
      tokens[row] = sequence.tokens[t]!;
      positions[row] = t;
      if (t > 0 && sequence.lossMask[t] !== 0) {
        targetRows.push(row - 1);
        targets.push(sequence.tokens[t]!);
      }
    }
    offsets[s + 1] = row;
    targetOffsets[s + 1] = targets.length;
  }
  return {
    tokens,
    offsets,
    positions,
    targetRows: Int32Array.from(targetRows),
    targets: Int32Array.from(targets),
    targetOffsets,
    sequences: Int32Array.from(members),
  };
}
