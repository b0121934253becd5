import { type CounterGenerator, type CounterPosition, counterShapes } from '../counter-rng.js';

const philoxMultipliers: Readonly<Record<string, readonly bigint[]>> = {
  '2x32': [0xd256d193n],
  '4x32': [0xd2511f53n, 0xcd9e8d57n],
  '2x64': [0xd2b74407b1ce6e93n],
  '4x64': [0xd2e7470ee14c6c93n, 0xca5a826395121157n],
};
const weyl: Readonly<Record<number, readonly bigint[]>> = {
  32: [0x9e3779b9n, 0xbb67ae85n],
  64: [0x9e3779b97f4a7c15n, 0xbb67ae8584caa73bn],
};
/** Rotations of each round, one or two of them. */
const rotations: Readonly<Record<string, readonly (readonly number[])[]>> = {
  '2x32': [[13], [15], [26], [6], [17], [29], [16], [24]],
  '2x64': [[16], [42], [12], [31], [16], [32], [24], [21]],
  '4x32': [
    [10, 26],
    [11, 21],
    [13, 27],
    [23, 5],
    [6, 20],
    [17, 11],
    [25, 10],
    [18, 20],
  ],
  '4x64': [
    [14, 16],
    [52, 57],
    [23, 40],
    [5, 37],
    [25, 33],
    [46, 12],
    [58, 22],
    [32, 32],
  ],
};

/** `counterBlock` in arbitrary precision, round by round as the paper writes it. */
export function counterBlockReference(
  generator: CounterGenerator,
  { counter, key, rounds }: CounterPosition,
): bigint[] {
  const shape = counterShapes[generator];
  const bits = BigInt(shape.bits);
  const mask = (1n << bits) - 1n;
  const name = `${shape.words}x${shape.bits}`;
  const count = rounds ?? shape.rounds;
  return generator.startsWith('philox')
    ? philox([...counter], [...key], count, philoxMultipliers[name]!, weyl[shape.bits]!, bits, mask)
    : threefry([...counter], key, count, rotations[name]!, bits, mask);
}

function philox(
  c: bigint[],
  key: bigint[],
  rounds: number,
  multipliers: readonly bigint[],
  steps: readonly bigint[],
  bits: bigint,
  mask: bigint,
): bigint[] {
  for (let r = 0; r < rounds; r++) {
    const products = multipliers.map((multiplier, i) => multiplier * c[2 * i]!);
    const next: bigint[] = [];
    for (let i = 0; i < products.length; i++) {
      const other = products[products.length - 1 - i]!;
      next.push((other >> bits) ^ c[2 * i + 1]! ^ key[i]!, other & mask);
    }
    c = next;
    key = key.map((word, i) => (word + steps[i]!) & mask);
  }
  return c;
}

function threefry(
  c: bigint[],
  key: readonly bigint[],
  rounds: number,
  by: readonly (readonly number[])[],
  bits: bigint,
  mask: bigint,
): bigint[] {
  const parity = bits === 32n ? 0x1bd11bdan : 0x1bd11bdaa9fc1a22n;
  const schedule = [...key, key.reduce((all, word) => all ^ word, parity)];
  const rotate = (word: bigint, distance: number): bigint =>
    ((word << BigInt(distance)) | (word >> (bits - BigInt(distance)))) & mask;
  const inject = (s: number): void => {
    c = c.map((word, i) => (word + schedule[(s + i) % schedule.length]!) & mask);
    c[c.length - 1] = (c.at(-1)! + BigInt(s)) & mask;
  };
  inject(0);
  for (let r = 0; r < rounds; r++) {
    const pairs =
      c.length === 2
        ? [[0, 1]]
        : r % 2 === 0
          ? [
              [0, 1],
              [2, 3],
            ]
          : [
              [0, 3],
              [2, 1],
            ];
    for (const [p, [left, right]] of pairs.entries()) {
      c[left!] = (c[left!]! + c[right!]!) & mask;
      c[right!] = rotate(c[right!]!, by[r % 8]![p]!) ^ c[left!]!;
    }
    if (r % 4 === 3) inject(Math.floor(r / 4) + 1);
  }
  return c;
}
