/** Where a completion becomes too long. */
export interface OverlongLimits {
  /** Longest completion allowed, tokens; > 0. */
  readonly maxTokens: number;
  /** Tokens before the limit over which the penalty grows from 0 to 1; 0..maxTokens. */
  readonly margin: number;
}

/**
 * Soft overlong punishment: 0 up to maxTokens - margin, then falling in a line to -1 at maxTokens, and -1 beyond.
 *
 * @param tokens - length of the completion.
 * @returns in -1..0, to be added to the reward.
 * @throws {RangeError} for unusable limits.
 * @see DAPO, arXiv:2503.14476, equation 13. verl's DAPO reward manager has no floor beyond the limit.
 */
export function overlongPenalty(tokens: number, { maxTokens, margin }: OverlongLimits): number {
  if (!(maxTokens > 0)) throw new RangeError(`expected maxTokens to be > 0, received ${maxTokens}`);
  if (!(margin >= 0 && margin <= maxTokens)) {
    throw new RangeError(`expected margin to be in 0..${maxTokens}, received ${margin}`);
  }
  const free = maxTokens - margin;
  if (tokens <= free) return 0;
  return tokens >= maxTokens ? -1 : (free - tokens) / margin;
}

/**
 * The loss mask of a completion that may have been cut off at the length limit (overlong filtering of DAPO): all zeros where it
 * was and such completions are left out. Its reward stays in its group's statistics.
 *
 * @param mask - one entry a token, 1 where sampled.
 */
export function lossMaskOf(
  mask: ArrayLike<number>,
  { isTruncated, leaveOutTruncated }: { readonly isTruncated: boolean; readonly leaveOutTruncated: boolean },
): Uint8Array {
  return isTruncated && leaveOutTruncated ? new Uint8Array(mask.length) : Uint8Array.from(mask);
}
