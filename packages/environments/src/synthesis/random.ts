/**
 * Small, fast, seeded randomness: sfc32 (Chris Doty-Humphrey, PractRand; 128 bits of state, period at least 2^32),
 * seeded by splitmix32 and warmed up with 12 draws as its author recommends. Every draw uses 32-bit integer arithmetic
 * only, so equal seeds give equal values on every machine.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** @param seeds - any whole numbers; each one is mixed in with all its 53 bits, and their order matters. */
  constructor(...seeds: readonly number[]) {
    let hash = 0;
    for (const seed of seeds) {
      hash = mix(hash ^ (seed >>> 0));
      hash = mix(hash ^ Math.floor(seed / 2 ** 32));
    }
    this.#a = mix(hash);
    this.#b = mix(this.#a);
    this.#c = mix(this.#b);
    for (let i = 0; i < 12; i++) this.bits();
  }

  /** Uniform integer in [0, 2^32). */
  bits(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    this.#c |= 0;
    return sum >>> 0;
  }

  /** Uniform number in [0, 1), a multiple of 2^-32. */
  unit(): number {
    return this.bits() / 2 ** 32;
  }

  /** Uniform integer in [low, high], both inclusive. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.unit() * (high - low + 1));
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  /** One of the items; `items` is not empty. */
  pick<T>(items: readonly T[]): T {
    return items[this.integer(0, items.length - 1)]!;
  }

  /** One of the items, with chances in proportion to `weight(item)` >= 0; undefined when all weights are 0. */
  pickWeighted<T>(items: readonly T[], weight: (item: T) => number): T | undefined {
    const weights = items.map(weight);
    let rest = this.unit() * weights.reduce((sum, value) => sum + value, 0);
    let last: T | undefined;
    for (const [i, item] of items.entries()) {
      if (weights[i]! <= 0) continue;
      last = item;
      rest -= weights[i]!;
      if (rest < 0) return item;
    }
    return last;
  }

  /** A new array with the items in random order (Fisher-Yates). */
  shuffle<T>(items: readonly T[]): T[] {
    const shuffled = [...items];
    for (let i = shuffled.length - 1; i > 0; i--) {
      const j = this.integer(0, i);
      [shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!];
    }
    return shuffled;
  }

  /** `count` different items in random order; all of them where there are fewer. */
  sample<T>(items: readonly T[], count: number): T[] {
    return this.shuffle(items).slice(0, count);
  }
}

/** One splitmix32 output step: a bijection of 32-bit integers that spreads every input bit. */
function mix(value: number): number {
  let z = (value + 0x9e3779b9) | 0;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return z ^ (z >>> 15);
}
