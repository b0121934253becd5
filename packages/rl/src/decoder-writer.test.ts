import { SPECIAL_TOKENS, segmentsToText, special, text } from '@parl-mt/chat';
import { Decoder, Tokenizer, trainBpe } from '@parl-mt/policy';
import { decoderConfigSchema } from '@parl-mt/schema';
import { selectBackend } from '@parl-mt/tfjs-backend';
import { beforeAll, expect, test } from 'vitest';
import { DecoderWriter } from './decoder-writer.js';

beforeAll(() => selectBackend('parl'));

const tokenizer = new Tokenizer(trainBpe(['ls cd'], { vocabSize: SPECIAL_TOKENS.length + 256 }));
const decoder = () =>
  Decoder.create(
    decoderConfigSchema.parse({
      vocabSize: tokenizer.vocabSize,
      hiddenSize: 16,
      numLayers: 1,
      numHeads: 2,
      numKvHeads: 2,
    }),
    1,
  );
const prompt = [special('<|user|>'), text('list it'), special('<|end|>'), special('<|assistant|>')];
const options = { temperature: 1, maxNewTokens: 12 };

test('a completion depends on prompt and seed alone, however many are asked for', async () => {
  using writer = new DecoderWriter(decoder(), tokenizer, { maxContextTokens: 64 });
  const requests = Array.from({ length: 150 }, (_, seed) => ({ promptSegments: prompt, seed }));
  const written = await writer.writeCalls(requests, options);
  expect(written).toHaveLength(150);
  expect(new Set(written.map((segments) => segmentsToText(segments))).size).toBeGreaterThan(100);
  expect(await writer.writeCalls(requests.slice(140), options)).toEqual(written.slice(140));
});

test('a prompt that leaves no room is answered with nothing, the others are not held up', async () => {
  using writer = new DecoderWriter(decoder(), tokenizer, { maxContextTokens: 40 });
  const long = [text('x'.repeat(60)), ...prompt];
  const written = await writer.writeCalls(
    [long, prompt].map((promptSegments) => ({ promptSegments, seed: 1 })),
    options,
  );
  expect(written[0]).toEqual([]);
  expect(written[1]!.length).toBeGreaterThan(0);
});
