import { ShapeError } from './errors.js';

/**
 * Checks the offsets of a flat array of segments: 0 = o[0] <= o[1] <= ... <= o[S] = total.
 *
 * @param name - the argument's name in the message.
 * @param total - what the last offset must be; left out: anything.
 * @returns S, the number of segments.
 * @throws {ShapeError} naming the first entry that is wrong.
 */
export function checkOffsets(name: string, offsets: Int32Array, total?: number): number {
  if (!(offsets instanceof Int32Array)) throw new ShapeError(`expected ${name} to be an Int32Array`);
  if (offsets.length === 0) throw new ShapeError(`expected ${name} to hold at least the entry 0, received no entries`);
  if (offsets[0] !== 0) throw new ShapeError(`expected ${name}[0] to be 0, received ${offsets[0]}`);
  for (let s = 1; s < offsets.length; s++) {
    if (offsets[s]! < offsets[s - 1]!) {
      throw new ShapeError(`expected ${name} to ascend, received ${offsets[s - 1]} then ${offsets[s]} at index ${s}`);
    }
  }
  const last = offsets[offsets.length - 1];
  if (total !== undefined && last !== total) {
    throw new ShapeError(`expected the last entry of ${name} to be ${total}, received ${last}`);
  }
  return offsets.length - 1;
}
