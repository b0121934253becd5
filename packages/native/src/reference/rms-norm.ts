/** weight * x / sqrt(mean(x^2) + eps) for every row of x [n, d], in float64. */
export function rmsNormReference(
  x: ArrayLike<number>,
  weight: ArrayLike<number>,
  { n, d, eps }: { readonly n: number; readonly d: number; readonly eps: number },
): Float64Array {
  const y = new Float64Array(n * d);
  for (let i = 0; i < n; i++) {
    let squares = 0;
    for (let j = 0; j < d; j++) squares += x[i * d + j]! ** 2;
    const rstd = 1 / Math.sqrt(squares / d + eps);
    for (let j = 0; j < d; j++) y[i * d + j] = weight[j]! * x[i * d + j]! * rstd;
  }
  return y;
}
