import { afterAll, describe, expect, test } from 'vitest';
import { randomWeights } from './decoder-weights.testing.js';
import { type GenerateRequest, type NativeDecoderConfig, nativeInfo, Sampler, setIsa, setThreads } from './index.js';
import { decoderLogitsReference, logSoftmaxReference } from './reference/decoder.js';
import { uniformAtReference } from './reference/philox.js';

const config: NativeDecoderConfig = {
  vocabSize: 61,
  hiddenSize: 16,
  numLayers: 2,
  numHeads: 4,
  numKvHeads: 2,
  intermediateSize: 23,
  ropeTheta: 10_000,
  rmsNormEps: 1e-6,
};
const weights = randomWeights(config);
const capacity = { maxSlots: 8, maxTokensPerSlot: 48 };
const before = nativeInfo();
afterAll(() => {
  setIsa(before.isa);
  setThreads(before.threads);
});

function promptOf(seed: number, length: number): Int32Array {
  return Int32Array.from({ length }, (_, i) => Math.floor(uniformAtReference(seed, i) * config.vocabSize));
}

function requestsOf(count: number): GenerateRequest[] {
  return Array.from({ length: count }, (_, slot) => ({
    slot,
    prompt: promptOf(slot % 3, 1 + ((slot * 7) % 19)),
    maxNewTokens: 1 + ((slot * 5) % 17),
    seed: 2 ** 40 + slot,
  }));
}

describe.each([
  ['Qwen2', config, weights],
  ['Qwen3', { ...config, headDim: 6 }, randomWeights({ ...config, headDim: 6 }, true)],
] as const)('a decoder in the manner of %s', (_, model, modelWeights) => {
  test.each(before.isas)('gives the log-probabilities of the plain reference on %s', async (isa) => {
    setIsa(isa);
    for (const temperature of [1, 0.6, 1.8]) {
      using sampler = new Sampler(model, modelWeights, capacity);
      const requests = requestsOf(8);
      const results = await sampler.generate(requests, { temperature, stopTokens: [] });
      for (const [i, { tokens, logprobs, stopReason }] of results.entries()) {
        expect(stopReason).toBe('length');
        expect(tokens.length).toBe(requests[i]!.maxNewTokens);
        const whole = [...requests[i]!.prompt, ...tokens];
        const rows = decoderLogitsReference(model, modelWeights, whole.slice(0, -1));
        for (const [t, token] of tokens.entries()) {
          const row = rows[requests[i]!.prompt.length - 1 + t]!;
          // Logits up to 20 through two layers: float32 rounding of some 1e-6 relative, tenfold for accumulation.
          expect(Math.abs(logprobs[t]! - logSoftmaxReference(row, temperature)[token]!)).toBeLessThan(2e-4);
        }
      }
    }
    setIsa(before.isa);
  });

  test('takes the token where the cumulative probability passes the uniform number of its position', async () => {
    using sampler = new Sampler(model, modelWeights, capacity);
    const prompt = promptOf(5, 7);
    const [result] = await sampler.generate([{ slot: 3, prompt, maxNewTokens: 40, seed: 2 ** 52 + 12345 }], {
      temperature: 1.3,
      stopTokens: [],
    });
    const whole = [...prompt];
    for (const token of result!.tokens) {
      const probabilities = logSoftmaxReference(decoderLogitsReference(model, modelWeights, whole).at(-1)!, 1.3).map(
        Math.exp,
      );
      const u = uniformAtReference(2 ** 52 + 12345, whole.length);
      const below = probabilities.subarray(0, token).reduce((sum, p) => sum + p, 0);
      // Float32 logits move the cumulative sum by at most the tolerance of the log-probabilities above.
      expect(below).toBeLessThanOrEqual(u + 2e-4);
      expect(below + probabilities[token]!).toBeGreaterThan(u - 2e-4);
      whole.push(token);
    }
  });

  test('temperature 0 takes the most likely token and reports its log-probability at temperature 1', async () => {
    using sampler = new Sampler(model, modelWeights, capacity);
    const prompt = promptOf(6, 5);
    const [result] = await sampler.generate([{ slot: 0, prompt, maxNewTokens: 12, seed: 0 }], {
      temperature: 0,
      stopTokens: [],
    });
    const whole = [...prompt];
    for (const [t, token] of result!.tokens.entries()) {
      const logprobs = logSoftmaxReference(decoderLogitsReference(model, modelWeights, whole).at(-1)!);
      expect(Math.abs(result!.logprobs[t]! - Math.max(...logprobs))).toBeLessThan(2e-4);
      expect(Math.abs(result!.logprobs[t]! - logprobs[token]!)).toBeLessThan(2e-4);
      whole.push(token);
    }
  });
});

describe('sampled tokens', () => {
  test('follow the distribution: chi-square over 2000 seeds', async () => {
    const small: NativeDecoderConfig = { ...config, vocabSize: 7 };
    const smallWeights = randomWeights(small);
    using sampler = new Sampler(small, smallWeights, { maxSlots: 100, maxTokensPerSlot: 8 });
    const prompt = Int32Array.of(1, 4, 2);
    const counts = new Float64Array(7);
    for (let round = 0; round < 20; round += 1) {
      const requests = Array.from({ length: 100 }, (_, slot) => ({
        slot,
        prompt,
        maxNewTokens: 1,
        seed: round * 100 + slot,
      }));
      for (const { tokens } of await sampler.generate(requests, { temperature: 1, stopTokens: [] }))
        counts[tokens[0]!]! += 1;
    }
    const expected = logSoftmaxReference(decoderLogitsReference(small, smallWeights, [...prompt]).at(-1)!).map(
      (x) => 2000 * Math.exp(x),
    );
    const chiSquare = counts.reduce((sum, count, i) => sum + (count - expected[i]!) ** 2 / expected[i]!, 0);
    expect(chiSquare).toBeLessThan(22.5); // 6 degrees of freedom: exceeded with probability 0.001, and seeds are fixed
  });

  test('do not depend on neighbours, slot, reuse, threads or the order of requests', async () => {
    const requests = requestsOf(8);
    const options = { temperature: 1, stopTokens: [3] };
    using sampler = new Sampler(config, weights, capacity);
    const expected = await sampler.generate(requests, options);
    expect(await sampler.generate(requests, options)).toEqual(expected);
    // Prompts of 1, 8, 15, 3, 10, 17, 5 and 12 tokens; the second time, the last one of each.
    expect(sampler.promptTokens()).toMatchObject({ computed: 71 + 8, reused: 71 - 8 });
    for (const threads of [1, 2, 3]) {
      sampler.reset();
      expect(await sampler.generate([...requests].reverse(), { ...options, threads })).toEqual([...expected].reverse());
    }
    using single = new Sampler(config, weights, { maxSlots: 1, maxTokensPerSlot: 48 });
    for (const [i, request] of requests.entries()) {
      expect(await single.generate([{ ...request, slot: 0 }], options)).toEqual([expected[i]]);
    }
  });

  test('end with a stop token, which is part of the sequence', async () => {
    using sampler = new Sampler(config, weights, capacity);
    const request = { slot: 0, prompt: promptOf(1, 4), maxNewTokens: 30, seed: 5 };
    const [free] = await sampler.generate([request], { temperature: 1, stopTokens: [] });
    const stop = free!.tokens[6]!;
    const length = free!.tokens.indexOf(stop) + 1;
    const [stopped] = await sampler.generate([request], { temperature: 1, stopTokens: [stop] });
    expect(stopped!.stopReason).toBe('stop');
    expect([...stopped!.tokens]).toEqual([...free!.tokens.subarray(0, length)]);
    expect([...stopped!.logprobs]).toEqual([...free!.logprobs.subarray(0, length)]);
    expect([...sampler.slotTokens(0)]).toEqual([...request.prompt, ...stopped!.tokens.subarray(0, length - 1)]);
  });
});

describe('weights', () => {
  test('are read in place: a change shows after reset()', async () => {
    const changing = randomWeights(config);
    using sampler = new Sampler(config, changing, capacity);
    const request = { slot: 0, prompt: promptOf(1, 6), maxNewTokens: 4, seed: 5 };
    const options = { temperature: 1, stopTokens: [] };
    const first = await sampler.generate([request], options);
    changing.finalNorm.set(changing.finalNorm.map((x) => x * 1.5));
    changing.layers[0]!.qProj.reverse();
    sampler.reset();
    const second = await sampler.generate([request], options);
    expect(second).not.toEqual(first);
    using fresh = new Sampler(config, changing, capacity);
    expect(await fresh.generate([request], options)).toEqual(second);
  });

  test('stay alive without a reference of the caller', async () => {
    using sampler = new Sampler(config, randomWeights(config), capacity);
    const pressure = Array.from({ length: 50 }, () => new Float32Array(100_000));
    expect(pressure.length).toBe(50);
    using other = new Sampler(config, weights, capacity);
    const options = { temperature: 1, stopTokens: [] };
    expect(await sampler.generate(requestsOf(4), options)).toEqual(await other.generate(requestsOf(4), options));
  });

  test.each([
    [
      { ...weights, embedding: weights.embedding.subarray(1) },
      'expected weights.embedding.length to be 976, received 975',
    ],
    [{ ...weights, layers: weights.layers.slice(1) }, 'expected weights.layers.length to be 2, received 1'],
    [
      { ...weights, layers: [weights.layers[0]!, { ...weights.layers[1]!, kBias: new Float32Array(3) }] },
      'expected weights.layers[1].kBias.length to be 8, received 3',
    ],
  ])('of a wrong size are refused (%#)', (wrong, message) => {
    expect(() => new Sampler(config, wrong, capacity)).toThrow(
      expect.objectContaining({ name: 'ShapeError', message }),
    );
  });

  test('that were transferred away are refused by the next call', async () => {
    const taken = randomWeights(config);
    using sampler = new Sampler(config, taken, capacity);
    structuredClone(taken.finalNorm, { transfer: [taken.finalNorm.buffer as ArrayBuffer] });
    await expect(sampler.generate(requestsOf(1), { temperature: 1, stopTokens: [] })).rejects.toThrow(
      expect.objectContaining({
        name: 'ShapeError',
        message: 'expected weights.finalNorm.length to be 16, received 0',
      }),
    );
  });

  test('that have diverged are reported with slot and position', async () => {
    const broken = randomWeights(config);
    broken.finalNorm[3] = Number.NaN;
    using sampler = new Sampler(config, broken, capacity);
    const request = { slot: 2, prompt: promptOf(1, 6), maxNewTokens: 4, seed: 5 };
    await expect(sampler.generate([request], { temperature: 1, stopTokens: [] })).rejects.toThrow(
      expect.objectContaining({
        name: 'NativeValueError',
        message: 'expected finite logits, received NaN or Infinity in slot 2 at position 6: have the weights diverged?',
      }),
    );
  });
});

describe('a request', () => {
  const good: GenerateRequest = { slot: 0, prompt: Int32Array.of(1, 2), maxNewTokens: 4, seed: 1 };
  test.each<[Partial<GenerateRequest>, string]>([
    [{ slot: 8 }, 'expected requests[0].slot to be an integer in [0, 8), received 8'],
    [{ slot: -1 }, 'expected requests[0].slot to be an integer in [0, 8), received -1'],
    [{ prompt: new Int32Array(0) }, 'expected requests[0].prompt to hold at least one token, received none'],
    [{ prompt: Int32Array.of(1, 61) }, 'expected requests[0].prompt[1] to be a token in [0, 61), received 61'],
    [{ prompt: Int32Array.of(-1) }, 'expected requests[0].prompt[0] to be a token in [0, 61), received -1'],
    [{ maxNewTokens: 0 }, 'expected requests[0].maxNewTokens to be an integer >= 1, received 0'],
    [
      { maxNewTokens: 47 },
      'expected requests[0] to fit maxTokensPerSlot 48, received a prompt of 2 tokens and maxNewTokens 47',
    ],
    [{ seed: 2 ** 53 }, 'expected requests[0].seed to be an integer in [0, 2^53), received 9007199254740992'],
    [{ seed: 0.5 }, 'expected requests[0].seed to be an integer in [0, 2^53), received 0.5'],
  ])('that does not fit is refused before anything runs (%#)', async (part, message) => {
    using sampler = new Sampler(config, weights, capacity);
    await expect(sampler.generate([{ ...good, ...part }], { temperature: 1, stopTokens: [] })).rejects.toThrow(
      expect.objectContaining({ name: 'NativeValueError', message }),
    );
    expect(sampler.promptTokens()).toMatchObject({ computed: 0, reused: 0 });
  });

  test('fits up to the last token of its slot', async () => {
    using sampler = new Sampler(config, weights, capacity);
    const [result] = await sampler.generate([{ ...good, maxNewTokens: 46 }], { temperature: 1, stopTokens: [] });
    expect(result!.tokens.length).toBe(46);
  });

  test('whose slot another request has is refused', async () => {
    using sampler = new Sampler(config, weights, capacity);
    await expect(
      sampler.generate([good, { ...good, slot: 1 }, good], { temperature: 1, stopTokens: [] }),
    ).rejects.toThrow('expected each slot once a call, received slot 0 in requests 0 and 2');
  });

  test.each([
    [{ temperature: -1 }, 'expected temperature to be 0 or in [1e-6, 1e6], received -1'],
    [{ temperature: Number.NaN }, 'expected temperature to be 0 or in [1e-6, 1e6], received NaN'],
    [{ stopTokens: [2, 61] }, 'expected stopTokens[1] to be a token in [0, 61), received 61'],
    [{ threads: 0 }, 'expected threads to be an integer in 1..256, received 0'],
  ])('with options out of range is refused (%#)', async (part, message) => {
    using sampler = new Sampler(config, weights, capacity);
    await expect(sampler.generate([good], { temperature: 1, stopTokens: [], ...part })).rejects.toThrow(message);
  });

  test('list may be empty', async () => {
    using sampler = new Sampler(config, weights, capacity);
    expect(await sampler.generate([], { temperature: 1, stopTokens: [] })).toEqual([]);
  });
});

describe('the config', () => {
  test.each([
    [{ numHeads: 3 }, 'expected numHeads to be a multiple of numKvHeads 2, received 3'],
    [{ hiddenSize: 20 }, 'expected headDim (default hiddenSize / numHeads) to be an even integer, received 5'],
    [{ numLayers: 0 }, 'expected numLayers to be an integer >= 1, received 0'],
    [{ ropeTheta: 0 }, 'expected ropeTheta to be finite and > 0, received 0'],
    [{ rmsNormEps: Number.NaN }, 'expected rmsNormEps to be finite and >= 0, received NaN'],
  ])('is checked (%#)', (part, message) => {
    expect(() => new Sampler({ ...config, ...part }, weights, capacity)).toThrow(
      expect.objectContaining({ name: 'NativeValueError', message }),
    );
  });

  test('with a capacity out of range is refused', () => {
    expect(() => new Sampler(config, weights, { ...capacity, maxSlots: 0 })).toThrow(
      'expected maxSlots to be an integer in 1..65536, received 0',
    );
    expect(() => new Sampler(config, weights, { ...capacity, maxTokensPerSlot: 1 })).toThrow(
      'expected maxTokensPerSlot to be an integer in 2..16777216, received 1',
    );
  });

  test('predicts the memory, and a capacity beyond the machine is refused with its size', () => {
    // 16 more tokens in 8 slots: keys in panels of 32 and values, 2 layers, 2 heads of 4, 4 bytes.
    const grown = { maxSlots: 8, maxTokensPerSlot: 48 + 32 };
    const difference = Sampler.memoryBytes(config, grown) - Sampler.memoryBytes(config, capacity);
    expect(difference).toBe(8 * 32 * 2 * 2 * 2 * 4 * 4);
    const huge = { maxSlots: 65536, maxTokensPerSlot: 2 ** 24 };
    expect(() => new Sampler(config, weights, huge)).toThrow(
      `expected memory for ${Sampler.memoryBytes(config, huge)} bytes (maxSlots 65536, maxTokensPerSlot 16777216), the system has no more`,
    );
  });
});

describe('a running call', () => {
  const long = { maxSlots: 4, maxTokensPerSlot: 40_000 };
  const request = { slot: 0, prompt: Int32Array.of(1, 2, 3), maxNewTokens: 39_000, seed: 1 };
  const options = { temperature: 1, stopTokens: [] };

  test('leaves the main thread free, refuses a second one, and stops when its signal fires', async () => {
    using sampler = new Sampler(config, weights, long);
    const controller = new AbortController();
    const running = sampler.generate([request], { ...options, signal: controller.signal });
    await expect(sampler.generate([request], options)).rejects.toThrow(
      'expected one call at a time, received generate() while generate() runs',
    );
    expect(() => sampler.reset()).toThrow('expected one call at a time, received reset() while generate() runs');
    controller.abort(new Error('interrupted'));
    await expect(running).rejects.toThrow('interrupted');
    // The slot is as good as before.
    const [after] = await sampler.generate([{ ...request, maxNewTokens: 20 }], options);
    using fresh = new Sampler(config, weights, long);
    expect(after).toEqual((await fresh.generate([{ ...request, maxNewTokens: 20 }], options))[0]);
  });

  test('does not start when its signal has fired already', async () => {
    using sampler = new Sampler(config, weights, long);
    await expect(
      sampler.generate([request], { ...options, signal: AbortSignal.abort(new Error('too late')) }),
    ).rejects.toThrow('too late');
  });

  test('rejects when the sampler is disposed', async () => {
    const sampler = new Sampler(config, weights, long);
    const running = sampler.generate([request], options);
    sampler.dispose();
    await expect(running).rejects.toThrow('expected a sampler in use until generate() has settled, received dispose()');
  });
});

describe('a disposed sampler', () => {
  test('refuses every use, and a second dispose does nothing', async () => {
    const sampler = new Sampler(config, weights, capacity);
    sampler.dispose();
    sampler.dispose();
    sampler[Symbol.dispose]();
    await expect(sampler.generate(requestsOf(1), { temperature: 1, stopTokens: [] })).rejects.toThrow(
      expect.objectContaining({
        name: 'NativeValueError',
        message: 'expected a sampler in use, received generate() after dispose()',
      }),
    );
    expect(() => sampler.reset()).toThrow('expected a sampler in use, received reset() after dispose()');
    expect(() => sampler.slotTokens(0)).toThrow('expected a sampler in use, received slotTokens() after dispose()');
    expect(() => sampler.promptTokens()).toThrow('expected a sampler in use, received promptTokens() after dispose()');
  });
});
