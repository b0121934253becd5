import { SPECIAL_TOKENS, textMessage } from '@parl-mt/chat';
import { Decoder, SegmentCodec, Tokenizer, trainBpe } from '@parl-mt/policy';
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
const codec = new SegmentCodec(tokenizer);
const messages = [textMessage('user', 'list it')];
const options = { temperature: 1, maxNewTokens: 12 };

test('a completion depends on prompt and seed alone, however many are asked for', async () => {
  using writer = new DecoderWriter(decoder(), codec, { maxContextTokens: 64 });
  const requests = Array.from({ length: 150 }, (_, seed) => ({ messages, written: [], seed }));
  const written = await writer.writeCalls(requests, options);
  expect(written).toHaveLength(150);
  expect(new Set(written.map((each) => JSON.stringify(each))).size).toBeGreaterThan(20);
  expect(await writer.writeCalls(requests.slice(140), options)).toEqual(written.slice(140));
});

test('a prompt that leaves no room is answered with a format error, the others are not held up', async () => {
  using writer = new DecoderWriter(decoder(), codec, { maxContextTokens: 40 });
  const long = [textMessage('user', 'x'.repeat(60))];
  const written = await writer.writeCalls(
    [long, messages].map((each) => ({ messages: each, written: [], seed: 1 })),
    options,
  );
  expect(written[0]!.formatError).toBe('the prompt leaves no room for a completion');
  expect(written[1]!.formatError).not.toBe(written[0]!.formatError);
});
