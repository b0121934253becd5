import { philox } from '../philox.js';

/** Random numbers of one input: a function of seed and index, so that any input can be made again. */
export class InputRandom {
  readonly #seed: number;
  readonly #stream: number;
  #block = 0;
  #words: number[] = [];

  constructor(seed: number, index: number) {
    this.#seed = seed;
    this.#stream = index;
  }

  /** An integer in [0, limit). */
  below(limit: number): number {
    if (this.#words.length === 0) this.#words = philox(this.#seed, this.#block++, this.#stream);
    return this.#words.pop()! % limit;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
}

/** Integers at which sizes, counts and offsets go wrong. */
const awkwardIntegers = [
  0n,
  1n,
  7n,
  0x7fn,
  0xffn,
  0x7fff_ffffn,
  0xffff_ffffn,
  2n ** 32n,
  2n ** 40n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];

/** Pieces of JSON at which headers and configurations go wrong. */
const awkwardTexts = [
  '-1',
  '1e308',
  '9007199254740993',
  '18446744073709551615',
  '0.5',
  'null',
  'true',
  '{}',
  '[]',
  '[[[[]]]]',
  '""',
  '"../../x.safetensors"',
  '"__proto__"',
  '"\\u0000"',
  '"constructor"',
  ':',
  ',',
  '}',
  '"F64"',
  '[0,18446744073709551616]',
];

/** A seed, changed in one to six places: bytes, integers, pieces of text, cuts, copies. */
export function mutate(seeds: readonly Uint8Array[], random: InputRandom): Uint8Array {
  let bytes = Uint8Array.from(random.pick(seeds));
  const changes = 1 + random.below(6);
  for (let change = 0; change < changes; change += 1) {
    const at = random.below(bytes.length + 1);
    switch (random.below(8)) {
      case 0:
        bytes = bytes.map((byte, i) => (i === at ? byte ^ (1 << random.below(8)) : byte));
        break;
      case 1:
        bytes = bytes.map((byte, i) => (i === at ? random.below(256) : byte));
        break;
      case 2: {
        const value = new Uint8Array(8);
        new DataView(value.buffer).setBigUint64(0, random.pick(awkwardIntegers), true);
        bytes = spliced(bytes, at, random.below(2) * 8, value.subarray(0, random.pick([4, 8])));
        break;
      }
      case 3:
        bytes = spliced(bytes, at, random.below(12), new TextEncoder().encode(random.pick(awkwardTexts)));
        break;
      case 4:
        bytes = bytes.slice(0, at);
        break;
      case 5:
        bytes = spliced(bytes, at, random.below(16), new Uint8Array(0));
        break;
      case 6:
        bytes = spliced(bytes, at, 0, bytes.subarray(at, at + random.below(64)));
        break;
      default: {
        const other = random.pick(seeds);
        const from = random.below(other.length);
        bytes = spliced(bytes, at, random.below(32), other.subarray(from, from + random.below(64)));
      }
    }
  }
  return bytes;
}

function spliced(bytes: Uint8Array, at: number, removed: number, inserted: Uint8Array): Uint8Array<ArrayBuffer> {
  const rest = bytes.subarray(Math.min(bytes.length, at + removed));
  const out = new Uint8Array(at + inserted.length + rest.length);
  out.set(bytes.subarray(0, at));
  out.set(inserted, at);
  out.set(rest, at + inserted.length);
  return out;
}
