import { addon } from './addon.js';
import { ShapeError } from './errors.js';
import { checkOffsets } from './offsets.js';

/** The calls of some trajectories, flat and in order. C calls, T trajectories. */
export interface CallLog {
  /** [C], from {@link hashTexts} over `canonicalCallText`; equal hashes are taken for the same call. */
  readonly callHashes: BigUint64Array;
  /** [C], the version of the state that the call reads, before it runs; equal within a trajectory = unchanged. */
  readonly stateVersions: Int32Array;
  /** [C], non-zero where the call ended in an error. */
  readonly failed: Uint8Array;
  /** [T + 1], ascending from 0 to C. */
  readonly offsets: Int32Array;
}

/**
 * Marks redundant calls. A call is redundant if an earlier call of its trajectory is the same and either read the same
 * state version (the answer is known already), or failed as this one fails (the failure is repeated verbatim). The same
 * call once more after the state changed is not redundant, nor is one that succeeds where it failed before.
 *
 * @returns [C], 1 = redundant, 0 = not.
 * @throws {ShapeError} if the lengths do not fit the offsets.
 */
export function repeatedCalls({ callHashes, stateVersions, failed, offsets }: CallLog): Uint8Array {
  checkOffsets('offsets', offsets);
  const calls = offsets[offsets.length - 1]!;
  checkLength('callHashes', callHashes, BigUint64Array, calls);
  checkLength('stateVersions', stateVersions, Int32Array, calls);
  checkLength('failed', failed, Uint8Array, calls);
  const out = new Uint8Array(calls);
  addon['repeatedCalls']!(callHashes, stateVersions, failed, offsets, out);
  return out;
}

/**
 * XXH64 (seed 0) of each text's UTF-8 bytes. Among a million distinct texts two collide with probability 3e-8.
 *
 * @param texts - a lone surrogate hashes as U+FFFD; `canonicalCallText` escapes them.
 * @returns [texts.length].
 */
export function hashTexts(texts: readonly string[]): BigUint64Array {
  const out = new BigUint64Array(texts.length);
  addon['hashTexts']!(texts, out);
  return out;
}

function checkLength<Kind extends { readonly length: number }>(
  name: string,
  array: Kind,
  kind: new (length: number) => Kind,
  length: number,
): void {
  if (!(array instanceof kind)) throw new ShapeError(`expected ${name} to be a ${kind.name}`);
  if (array.length !== length) {
    throw new ShapeError(`expected ${name}.length to be the last offset ${length}, received ${array.length}`);
  }
}
