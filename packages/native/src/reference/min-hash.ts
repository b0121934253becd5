import type { HashPermutations } from '../min-hash.js';

/** `minHash` of one set: every permutation over every key. */
export function minHashReference(keys: ArrayLike<number>, { multipliers, addends }: HashPermutations): Uint32Array {
  return multipliers.map((multiplier, k) => {
    let least = 0xffffffff;
    for (let i = 0; i < keys.length; i++)
      least = Math.min(least, (Math.imul(keys[i]!, multiplier) + addends[k]!) >>> 0);
    return least;
  });
}

const places = [0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f, 0x165667b1];

/** `gramKeys` of one sequence, for grams of up to five tokens. */
export function gramKeysReference(tokens: ArrayLike<number>, n: number, isMixed: boolean): Uint32Array {
  return Uint32Array.from({ length: Math.max(0, tokens.length - n + 1) }, (_, i) => {
    let key = 0;
    for (let k = 0; k < n; k++) key ^= Math.imul(tokens[i + k]!, places[k]!);
    if (!isMixed) return key >>> 0;
    key = Math.imul(key ^ (key >>> 16), 0x85ebca6b);
    key = Math.imul(key ^ (key >>> 13), 0xc2b2ae35);
    return (key ^ (key >>> 16)) >>> 0;
  });
}
