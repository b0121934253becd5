/** `probabilitySquares` of one row in float64. */
export function probabilitySquaresReference(logits: ArrayLike<number>, temperature = 1): number {
  const max = Math.max(...Array.from(logits));
  const e = Array.from(logits, (x) => Math.exp((x - max) / temperature));
  const sum = e.reduce((total, x) => total + x, 0);
  return e.reduce((total, x) => total + (x / sum) ** 2, 0);
}
