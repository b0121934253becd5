import { parseToolCalls, schemaExpression, toolCallExpression, xlamFormat } from '@parl-mt/chat';
import { type BackendName, decoderConfigSchema, type ToolSpec } from '@parl-mt/schema';
import { selectBackend, tf } from '@parl-mt/tfjs-backend';
import { expect, test } from 'vitest';
import { trainBpe } from './bpe-trainer.js';
import { Decoder } from './decoder.js';
import { createGenerator } from './generation.js';
import { GrammarCompiler } from './grammar-compiler.js';
import { packSequences } from './packing.js';
import { Tokenizer } from './tokenizer.js';

const CORPUS = ['{"name": "set", "arguments": {"on": true, "level": 3}}', '[true, false, null, 12]'];
const tokenizer = new Tokenizer(JSON.parse(JSON.stringify(trainBpe(CORPUS, { vocabSize: 290 }))));
const vocabSize = 296;
const config = decoderConfigSchema.parse({
  vocabSize,
  hiddenSize: 32,
  numLayers: 2,
  numHeads: 4,
  numKvHeads: 2,
  intermediateSize: 40,
});
const tools: ToolSpec[] = [
  {
    name: 'set',
    description: '',
    parameters: {
      type: 'object',
      properties: { on: { type: 'boolean' }, level: { enum: [1, 2, 3] }, mode: { enum: ['slow', 'fast'] } },
      required: ['on'],
    },
  },
  { name: 'stop', description: '', parameters: { type: 'object', properties: {} } },
];
const grammar = new GrammarCompiler(tokenizer, vocabSize).compile(toolCallExpression('xlam', tools, { maxCalls: 2 }));
const end = tokenizer.specialId('<|end|>');
const requests = Array.from({ length: 12 }, (_, seed) => ({
  prompt: tokenizer.encode('true, false'.slice(0, 4 + (seed % 5))),
  maxNewTokens: 300,
  seed,
  ...(seed % 4 === 3 ? {} : { grammar }),
}));
const options = { temperature: 1, stopTokens: [end], untruncatedLogprobs: true };

test('an untrained decoder writes calls of the tools, whatever else is in the call and however often it stops', async () => {
  await selectBackend('parl');
  const decoder = Decoder.create(config, 3);
  using generator = createGenerator(decoder, { maxSlots: 12, maxTokensPerSlot: 320 });
  const texts = await generator.generate(requests, options);
  let calls = 0;
  for (const [i, { tokens, stopReason, logprobs }] of texts.entries()) {
    if (requests[i]!.grammar === undefined) continue;
    expect(stopReason).toBe('stop');
    const written = tokenizer.decode(tokens.subarray(0, -1));
    const parsed = parseToolCalls(xlamFormat, written);
    expect(parsed.error).toBeUndefined();
    calls += parsed.calls.length;
    for (const { name, arguments: json } of parsed.calls) {
      if (name === 'set') expect(JSON.parse(json)).toHaveProperty('on', expect.any(Boolean));
    }
    // Where one token is left its log-prob is 0, up to the rounding of a sum of one.
    expect(Math.max(...logprobs)).toBeLessThanOrEqual(1e-6);
  }
  expect(calls).toBeGreaterThanOrEqual(9);
  using narrow = createGenerator(decoder, { maxSlots: 5, maxTokensPerSlot: 320, cacheTokens: 384 });
  expect(await narrow.generate(requests, options)).toEqual(texts);
});

test('untruncated log-probs are those of the decoder, bit for bit; those drawn from are the masked ones', async () => {
  await selectBackend('parl');
  const decoder = Decoder.create(config, 3);
  using generator = createGenerator(decoder, { maxSlots: 1, maxTokensPerSlot: 320 });
  const [text] = await generator.generate([requests[0]!], options);
  const prompt = requests[0]!.prompt;
  const tokens = [...prompt, ...text!.tokens];
  const lossMask = tokens.map((_, t) => Number(t >= prompt.length));
  const batch = packSequences([{ tokens, lossMask }], 10_000)[0]!;
  const trained = tf.tidy(() => [...decoder.logprobs(batch).logprobs.dataSync()]);
  expect(trained).toEqual([...text!.untruncatedLogprobs!]);
  for (const [t, logprob] of text!.logprobs.entries()) expect(logprob).toBeGreaterThanOrEqual(trained[t]! - 1e-5);
  expect(Math.max(...text!.logprobs.map((logprob, t) => logprob - trained[t]!))).toBeGreaterThan(1);
});

test('both backends draw the same calls', async () => {
  const texts: Int32Array[][] = [];
  for (const backend of ['parl', 'cpu'] as BackendName[]) {
    await selectBackend(backend);
    using generator = createGenerator(Decoder.create(config, 6), { maxSlots: 4, maxTokensPerSlot: 320 });
    const some = requests.slice(0, 4).map((request) => ({ ...request, maxNewTokens: 30 }));
    texts.push((await generator.generate(some, options)).map(({ tokens }) => tokens));
  }
  expect(texts[0]).toEqual(texts[1]);
});

test.each(['parl', 'cpu'] as BackendName[])(
  'rules that leave nothing of the grammar are an error on %s',
  async (backend) => {
    await selectBackend(backend);
    using generator = createGenerator(Decoder.create(config, 6), { maxSlots: 4, maxTokensPerSlot: 320 });
    const onlyTrue = new GrammarCompiler(tokenizer, vocabSize).compile(schemaExpression({ const: true }));
    const request = { prompt: [20], maxNewTokens: 8, seed: 1, grammar: onlyTrue };
    const [text] = await generator.generate([request], { temperature: 1, stopTokens: [end] });
    expect(tokenizer.decode(text!.tokens)).toBe('true<|end|>');
    await expect(
      generator.generate([request], { temperature: 1, stopTokens: [end], rules: { minNewTokens: 8 } }),
    ).rejects.toThrow(/grammar .*to leave a token that the rules leave too/);
    if (backend === 'parl') {
      await expect(generator.generate([request], { temperature: 1, stopTokens: [] })).rejects.toThrow(
        /stopTokens beside/,
      );
    }
  },
);
