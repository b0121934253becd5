/**
 * Learning rate of an update: linear rise, then cosine decay (Loshchilov and Hutter, arXiv:1608.03983).
 *
 * @param progress - share of the budget used before this update, in [0, 1].
 * @param options.peak - highest rate; options.warmup - share of the budget spent rising; options.final - share of
 *   the peak left at the end.
 */
export function learningRateAt(
  progress: number,
  options: { readonly peak: number; readonly warmup: number; readonly final: number },
): number {
  const { peak, warmup, final } = options;
  if (progress < warmup) return peak * Math.max(0.02, progress / warmup);
  const decay = warmup >= 1 ? 1 : Math.min(1, (progress - warmup) / (1 - warmup));
  return peak * (final + (1 - final) * 0.5 * (1 + Math.cos(Math.PI * decay)));
}
