import { ShapeError } from './errors.js';
import { checkOffsets } from './offsets.js';

/**
 * Rows of tokens, flat and without padding: row r is tokens offsets[r] to offsets[r + 1] - 1. A row is one sequence that is
 * trained on: prompt or observation tokens and sampled tokens, in order.
 */
export interface TokenRows {
  /** [tokens], 1 where the policy sampled the token, 0 where it was given (tool result, user message, padding). */
  readonly mask: Uint8Array;
  /** [rows + 1], ascending from 0 to the number of tokens. */
  readonly offsets: Int32Array;
}

/**
 * Checks rows of tokens.
 *
 * @returns the number of rows.
 * @throws {ShapeError} if the mask is no Uint8Array or the offsets do not describe it.
 */
export function checkTokenRows({ mask, offsets }: TokenRows): number {
  if (!(mask instanceof Uint8Array)) throw new ShapeError('expected mask to be a Uint8Array');
  return checkOffsets('offsets', offsets, mask.length);
}

/** @throws {ShapeError} if the array is not a Float32Array of one number per token. */
export function checkTokenValues(name: string, values: Float32Array, { mask }: TokenRows): void {
  if (!(values instanceof Float32Array)) throw new ShapeError(`expected ${name} to be a Float32Array`);
  if (values.length !== mask.length) {
    throw new ShapeError(`expected ${name}.length to be mask.length ${mask.length}, received ${values.length}`);
  }
}

/**
 * Lays out padded matrices, as other libraries keep them, as rows of tokens.
 *
 * @param mask - [rows][columns], non-zero where sampled.
 */
export function paddedTokenRows(mask: readonly ArrayLike<number>[]): TokenRows {
  const offsets = new Int32Array(mask.length + 1);
  for (const [row, flags] of mask.entries()) offsets[row + 1] = offsets[row]! + flags.length;
  const flat = new Uint8Array(offsets[mask.length]!);
  for (const [row, flags] of mask.entries()) {
    for (let t = 0; t < flags.length; t++) flat[offsets[row]! + t] = flags[t] === 0 ? 0 : 1;
  }
  return { mask: flat, offsets };
}
