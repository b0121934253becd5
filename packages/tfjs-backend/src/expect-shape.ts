import { ShapeError } from '@parl-mt/native';

/**
 * Checks the shape of a tensor or matrix; `null` accepts any extent there.
 * @throws {ShapeError} naming the op's argument.
 */
export function expectShape(
  where: string,
  tensor: { readonly shape: readonly number[] },
  shape: readonly (number | null)[],
): void {
  const fits = tensor.shape.length === shape.length && shape.every((n, i) => n === null || n === tensor.shape[i]);
  if (!fits) {
    const wanted = shape.map((n) => n ?? '*').join(', ');
    throw new ShapeError(`expected ${where} of shape [${wanted}], received [${tensor.shape.join(', ')}]`);
  }
}

/** @throws {ShapeError} when `ids` has another length, or an element outside [0, limit). */
export function expectIndices(where: string, ids: Int32Array, length: number | null, limit: number): void {
  if (length !== null && ids.length !== length) {
    throw new ShapeError(`expected ${where} of length ${length}, received ${ids.length}`);
  }
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!;
    if (id < 0 || id >= limit) throw new ShapeError(`expected ${where}[${i}] in [0, ${limit}), received ${id}`);
  }
}
