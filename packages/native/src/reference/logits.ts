/** Log-probability, entropy and log-sum-exp of one row of logits at a temperature, in float64. */
export function logitsRowReference(
  row: ArrayLike<number>,
  target: number,
  temperature = 1,
): { readonly logprob: number; readonly entropy: number; readonly lse: number } {
  const scaled = Array.from(row, (logit) => logit / temperature);
  const largest = scaled.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const lse = largest + Math.log(scaled.reduce((sum, z) => sum + Math.exp(z - largest), 0));
  // A probability of 0 contributes nothing, though its logarithm is -Infinity.
  const entropy = scaled.reduce(
    (sum, z) => (z === Number.NEGATIVE_INFINITY ? sum : sum - Math.exp(z - lse) * (z - lse)),
    0,
  );
  return { logprob: scaled[target]! - lse, entropy, lse };
}
