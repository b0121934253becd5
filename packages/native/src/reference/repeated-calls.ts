import type { CallLog } from '../repeated-calls.js';

/** `repeatedCalls` by comparing every call with every earlier one of its trajectory. */
export function repeatedCallsReference({ callHashes, stateVersions, failed, offsets }: CallLog): Uint8Array {
  const out = new Uint8Array(callHashes.length);
  for (let t = 0; t + 1 < offsets.length; t++) {
    for (let i = offsets[t]!; i < offsets[t + 1]!; i++) {
      for (let j = offsets[t]!; j < i; j++) {
        if (callHashes[i] !== callHashes[j]) continue;
        if (stateVersions[i] === stateVersions[j] || (failed[i] !== 0 && failed[j] !== 0)) out[i] = 1;
      }
    }
  }
  return out;
}

const mask = 0xffff_ffff_ffff_ffffn;
const primes = [
  0x9e3779b185ebca87n,
  0xc2b2ae3d27d4eb4fn,
  0x165667b19e3779f9n,
  0x85ebca77c2b2ae63n,
  0x27d4eb2f165667c5n,
];
const [prime1, prime2, prime3, prime4, prime5] = primes as [bigint, bigint, bigint, bigint, bigint];

/** XXH64 of a text's UTF-8 bytes, seed 0, by the specification's steps over bigints. */
export function hashTextReference(text: string): bigint {
  const bytes = new TextEncoder().encode(text);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  let hash = prime5;
  if (bytes.length >= 32) {
    let lanes = [(prime1 + prime2) & mask, prime2, 0n, -prime1 & mask];
    for (; at + 32 <= bytes.length; at += 32) {
      lanes = lanes.map((lane, i) => round(lane, view.getBigUint64(at + 8 * i, true)));
    }
    hash = lanes.reduce((sum, lane, i) => sum + rotate(lane, [1n, 7n, 12n, 18n][i]!), 0n) & mask;
    for (const lane of lanes) hash = ((hash ^ round(0n, lane)) * prime1 + prime4) & mask;
  }
  hash = (hash + BigInt(bytes.length)) & mask;
  for (; at + 8 <= bytes.length; at += 8) {
    hash = (rotate(hash ^ round(0n, view.getBigUint64(at, true)), 27n) * prime1 + prime4) & mask;
  }
  if (at + 4 <= bytes.length) {
    hash = (rotate(hash ^ ((BigInt(view.getUint32(at, true)) * prime1) & mask), 23n) * prime2 + prime3) & mask;
    at += 4;
  }
  for (; at < bytes.length; at++) hash = (rotate(hash ^ ((BigInt(bytes[at]!) * prime5) & mask), 11n) * prime1) & mask;
  hash = ((hash ^ (hash >> 33n)) * prime2) & mask;
  hash = ((hash ^ (hash >> 29n)) * prime3) & mask;
  return hash ^ (hash >> 32n);
}

function rotate(x: bigint, by: bigint): bigint {
  return ((x << by) | (x >> (64n - by))) & mask;
}

function round(lane: bigint, word: bigint): bigint {
  return (rotate((lane + word * prime2) & mask, 31n) * prime1) & mask;
}
