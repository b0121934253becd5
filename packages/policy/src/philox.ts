/**
 * Philox4x32-10: a counter-based generator. Block i of stream s under a seed is a pure function of (seed, s, i), so values
 * do not depend on how many were drawn before, nor by whom.
 *
 * @param seed - integer in [0, 2^53).
 * @param index - block number, integer in [0, 2^53).
 * @param stream - integer in [0, 2^32).
 * @returns four uniform 32-bit integers.
 * @see Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".
 */
export function philox(seed: number, index: number, stream: number): [number, number, number, number] {
  let [key0, key1] = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0];
  let [c0, c1, c2, c3] = [index >>> 0, Math.floor(index / 2 ** 32) >>> 0, stream >>> 0, 0];
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(0xd2511f53, c0);
    const high1 = multiplyHigh(0xcd9e8d57, c2);
    const low0 = Math.imul(0xd2511f53, c0) >>> 0;
    const low1 = Math.imul(0xcd9e8d57, c2) >>> 0;
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ key0) >>> 0, low1, (high0 ^ c3 ^ key1) >>> 0, low0];
    key0 = (key0 + 0x9e3779b9) >>> 0;
    key1 = (key1 + 0xbb67ae85) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** Upper 32 bits of the product of two unsigned 32-bit integers. */
function multiplyHigh(a: number, b: number): number {
  const [aHigh, aLow, bHigh, bLow] = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff];
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000)) >>> 0;
}

/** Standard normal numbers by Box and Muller, two from each half block of a stream. */
export function fillNormal(out: Float32Array, standardDeviation: number, seed: number, stream: number): void {
  for (let i = 0; i < out.length; i += 4) {
    const bits = philox(seed, i / 4, stream);
    for (let half = 0; half < 4; half += 2) {
      const radius = standardDeviation * Math.sqrt(-2 * Math.log((bits[half]! + 0.5) / 2 ** 32));
      const angle = (2 * Math.PI * bits[half + 1]!) / 2 ** 32;
      if (i + half < out.length) out[i + half] = radius * Math.cos(angle);
      if (i + half + 1 < out.length) out[i + half + 1] = radius * Math.sin(angle);
    }
  }
}
