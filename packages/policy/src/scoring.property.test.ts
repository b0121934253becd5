import { type IsaName, nativeInfo, setIsa, setThreads, toBfloat16 } from '@parl-mt/native';
import { loraConfigSchema } from '@parl-mt/schema';
import { readVariable, selectBackend, tf } from '@parl-mt/tfjs-backend';
import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { DecoderFamily } from './architectures/decoder-architecture.js';
import { Decoder } from './decoder.js';
import { LoraAdapter } from './lora/lora-adapter.js';
import { packSequences } from './packing.js';
import { randomDecoder, randomSequences } from './random-decoder.testing.js';
import { scoreBatch, scoreCompletions, tokenLogprobs } from './scoring.js';

const { isa, isas, threads } = nativeInfo();
beforeAll(() => selectBackend('parl'));
afterEach(() => {
  setIsa(isa);
  setThreads(threads);
});

/** From a few tokens, which threads share, to enough for each to take some sequences. */
const drawn = fc.record({
  family: fc.constantFrom<DecoderFamily>('qwen2', 'qwen3', 'llama'),
  lengths: fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 14 }),
  seed: fc.nat(1000),
  threads: fc.integer({ min: 1, max: 4 }),
  temperature: fc.constantFrom(1, 0.6),
  sharePrefixes: fc.boolean(),
  kind: fc.constantFrom('plain', 'adapter', 'halves'),
});

function prepared(family: DecoderFamily, seed: number, kind: string): Decoder {
  const decoder = randomDecoder(family, seed);
  if (kind === 'plain') return decoder;
  if (kind === 'adapter') {
    const adapter = LoraAdapter.create(decoder.architecture, loraConfigSchema.parse({ rank: 3, alpha: 6 }), seed);
    for (const { b } of adapter.pairs.values()) b.assign(tf.fill(b.shape, 0.05));
    decoder.attach(adapter);
    return decoder;
  }
  const values = new Map(
    [...decoder.trainable].map(([name, variable]) => {
      const own = readVariable(variable);
      return [name, variable.shape.length === 2 ? toBfloat16(own) : own];
    }),
  );
  decoder.dispose();
  return Decoder.fromWeights(decoder.architecture, values);
}

describe.each(['portable', 'avx2', 'avx512'] as IsaName[])('scoring on %s', (name) => {
  const has = isas.includes(name);
  if (!has) console.log(`${name}: skipped, this CPU does not have it`);

  test.skipIf(!has)(
    'gives the bits of the training forward, whatever is scored together and on how many threads',
    () => {
      setIsa(name);
      fc.assert(
        fc.property(drawn, ({ family, lengths, seed, temperature, sharePrefixes, kind, ...rest }) => {
          const decoder = prepared(family, seed, kind);
          const sequences = randomSequences(lengths, seed);
          const [batch] = packSequences(sequences, 1e6, { sharePrefixes, untilLastTarget: sharePrefixes });
          setThreads(2);
          const [logprobs, entropies] = tf.tidy(() => {
            const result = decoder.logprobs(batch!, { temperature });
            return [result.logprobs.dataSync().slice(), result.entropies.dataSync().slice()];
          });
          setThreads(rest.threads);
          expect(scoreBatch(decoder, batch!, { temperature, entropy: true })).toEqual({ logprobs, entropies });
          const scored = tokenLogprobs(decoder, sequences, { temperature, batchTokens: 50 });
          let next = 0;
          for (const [s, { lossMask }] of sequences.entries()) {
            for (let t = 0; t < lossMask.length; t += 1) {
              const isTarget = t > 0 && lossMask[t] !== 0;
              expect(scored[s]![t]).toBe(isTarget ? logprobs![next++] : 0);
            }
          }
          expect(next).toBe(logprobs!.length);
          decoder.adapter?.dispose();
          decoder.dispose();
        }),
        { numRuns: 60 },
      );
    },
  );
});

test('on backend cpu it is the TF.js ops, and agrees', async () => {
  const sequences = randomSequences([20, 9, 31, 5, 44], 3);
  const scores = [];
  for (const backend of ['cpu', 'parl'] as const) {
    await selectBackend(backend);
    const decoder = randomDecoder('qwen3', 5);
    scores.push(scoreCompletions(decoder, sequences));
    decoder.dispose();
  }
  for (const [i, score] of scores[0]!.entries()) expect(scores[1]![i]).toBeCloseTo(score, 3);
  expect(scores[1]![3]).toBe(0); // it has no target
});
