const N = 624;
const M = 397;

/** MT19937 seeded by an array of words, as CPython's `random` does (Matsumoto and Nishimura's mt19937ar.c). */
export class MersenneTwister {
  readonly #state = new Uint32Array(N);
  #index = N;

  /** @param key - 32-bit words, at least one. */
  constructor(key: readonly number[]) {
    const state = this.#state;
    seedWith(state, 19650218);
    let i = 1;
    let j = 0;
    for (let count = Math.max(N, key.length); count > 0; count--) {
      state[i] = (mix(state, i, 1664525) + (key[j] as number) + j) >>> 0;
      i++;
      j = (j + 1) % key.length;
      if (i >= N) i = wrap(state);
    }
    for (let count = N - 1; count > 0; count--) {
      state[i] = (mix(state, i, 1566083941) - i) >>> 0;
      i++;
      if (i >= N) i = wrap(state);
    }
    state[0] = 0x80000000;
  }

  /** The next 32 bits, in [0, 2^32). */
  next(): number {
    if (this.#index >= N) this.#generate();
    let word = this.#state[this.#index++] as number;
    word ^= word >>> 11;
    word ^= (word << 7) & 0x9d2c5680;
    word ^= (word << 15) & 0xefc60000;
    return (word ^ (word >>> 18)) >>> 0;
  }

  #generate(): void {
    const state = this.#state;
    for (let k = 0; k < N; k++) {
      const bits = ((state[k] as number) & 0x80000000) | ((state[(k + 1) % N] as number) & 0x7fffffff);
      state[k] = (state[(k + M) % N] as number) ^ (bits >>> 1) ^ (bits & 1 ? 0x9908b0df : 0);
    }
    this.#index = 0;
  }
}

function seedWith(state: Uint32Array, seed: number): void {
  state[0] = seed;
  for (let i = 1; i < N; i++) {
    const previous = state[i - 1] as number;
    state[i] = Math.imul(1812433253, previous ^ (previous >>> 30)) + i;
  }
}

function mix(state: Uint32Array, i: number, factor: number): number {
  const previous = state[i - 1] as number;
  return (state[i] as number) ^ Math.imul(previous ^ (previous >>> 30), factor);
}

function wrap(state: Uint32Array): number {
  state[0] = state[N - 1] as number;
  return 1;
}
