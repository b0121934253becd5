import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { textMessage } from '@parl-mt/chat';
import {
  Decoder,
  exportModel,
  SegmentCodec,
  TemplateCodec,
  Tokenizer,
  trainBpe,
  writeTokenizer,
} from '@parl-mt/policy';
import { decoderConfigSchema, loraConfigSchema, pretrainedConfigSchema, UsageError } from '@parl-mt/schema';
import { readVariable, selectBackend, writeVariable } from '@parl-mt/tfjs-backend';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { loadPolicy, Policy } from './policy.js';

const ownJson = trainBpe(['ls docs'], { vocabSize: 280 });
/** As models with a template have it: no special tokens of ours. */
const chatJson = JSON.parse(
  JSON.stringify(ownJson)
    .replaceAll('<|system|>', '<|im_start|>')
    .replaceAll('<|end|>', '<|im_end|>')
    .replace(/<(\/?)(summary|think|tool_call)>/g, '<$1x_$2>'),
) as typeof ownJson;
const CHATML =
  "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
const model = decoderConfigSchema.parse({
  vocabSize: new Tokenizer(ownJson).vocabSize,
  hiddenSize: 16,
  numLayers: 2,
  numHeads: 2,
  numKvHeads: 2,
  intermediateSize: 24,
});
const messages = [textMessage('system', 'ls()'), textMessage('user', 'ls docs')];
const lora = loraConfigSchema.parse({ rank: 4, targets: ['q_proj', 'down_proj'] });
let folder: string;
const at = (name: string) => path.join(folder, name);

beforeEach(async () => {
  await selectBackend('parl');
  folder = mkdtempSync(path.join(os.tmpdir(), 'policy-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

async function writePretrained(name: string): Promise<void> {
  const decoder = Decoder.create(model, 3);
  await exportModel(at(name), decoder);
  await writeTokenizer(at(name), {
    json: chatJson,
    chatTemplate: CHATML,
    specialTokens: { eos_token: '<|im_end|>' },
    maxLength: undefined,
  });
  decoder.dispose();
}

/** Changes B of every pair: a fresh adapter changes nothing. */
function disturb(policy: Policy): void {
  for (const { b } of policy.decoder.adapter!.pairs.values()) writeVariable(b, readVariable(b).fill(0.1));
}

function logprobs(policy: Policy): number[] {
  const tokens = Int32Array.from(policy.codec('awareness').encodePrompt(messages));
  const length = tokens.length;
  const { logprobs: values } = policy.decoder.logprobs({
    tokens,
    offsets: Int32Array.of(0, length),
    positions: Int32Array.from(tokens, (_, i) => i),
    targetRows: Int32Array.from({ length: length - 1 }, (_, i) => i),
    targets: tokens.slice(1),
    targetOffsets: Int32Array.of(0, length - 1),
    sequences: Int32Array.of(0),
  });
  return [...values.dataSync()];
}

test('a policy of ours is saved whole, replaces what was there, and is found in the folder of its run', async () => {
  using policy = Policy.own(Decoder.create(model, 1), ownJson);
  mkdirSync(at('run'));
  await policy.save(at('run/policy'));
  writeFileSync(at('run/policy/stale'), '');
  await policy.save(at('run/policy'));
  expect(readdirSync(at('run'))).toEqual(['policy']);
  expect(existsSync(at('run/policy/stale'))).toBe(false);
  using loaded = await loadPolicy(at('run'));
  expect(loaded.codec('history')).toBeInstanceOf(SegmentCodec);
  expect(logprobs(loaded)).toEqual(logprobs(policy));
});

test('a policy of ours is exported to a folder that is made, and to none that holds a model', async () => {
  using policy = Policy.own(Decoder.create(model, 1), ownJson);
  await policy.export(at('new/exported'), {});
  expect(existsSync(at('new/exported/tokenizer.json'))).toBe(true);
  writeFileSync(at('new/exported/tokenizer.json'), 'of the model that is there');
  await expect(policy.export(at('new/exported'), {})).rejects.toThrow('expected a folder without config.json');
  expect(readFileSync(at('new/exported/tokenizer.json'), 'utf8')).toBe('of the model that is there');
});

test('a model with a chat template speaks by it; trained in full it is saved with tokenizer and template', async () => {
  await writePretrained('base');
  using policy = await loadPolicy(at('base'));
  const codec = policy.codec('awareness');
  expect(codec).toBeInstanceOf(TemplateCodec);
  expect(policy.tokenizer.decode(codec.encodePrompt(messages))).toMatch(
    /^<\|im_start\|>system\n.*<summary>.*<tool_call>.*ls\(\)<\|im_end\|>\n<\|im_start\|>user\nls docs<\|im_end\|>\n<\|im_start\|>assistant\n$/s,
  );
  for (const variable of policy.decoder.trainable.values())
    writeVariable(
      variable,
      readVariable(variable).map((w) => 1.5 * w),
    );
  await policy.save(at('tuned'));
  using tuned = await loadPolicy(at('tuned'));
  expect(logprobs(tuned)).toEqual(logprobs(policy));
  expect(readFileSync(at('tuned/chat_template.jinja'), 'utf8')).toBe(CHATML);
});

test('an adapter is saved alone, and loaded onto the model that it names', async () => {
  await writePretrained('base');
  using policy = await loadPolicy(at('base'));
  const before = logprobs(policy);
  policy.adapt(lora, 5);
  expect(logprobs(policy)).toEqual(before);
  disturb(policy);
  await policy.save(at('adapter'));
  expect(readdirSync(at('adapter')).sort()).toEqual(['adapter_config.json', 'adapter_model.safetensors']);
  using loaded = await loadPolicy(at('adapter'));
  const adapted = logprobs(policy);
  expect(adapted).not.toEqual(before);
  expect(logprobs(loaded)).toEqual(adapted);
  // What is there is trained further.
  loaded.adapt({ ...lora, rank: 2 }, 6);
  expect(loaded.decoder.adapter!.config.rank).toBe(4);
  // Put into the weights it computes the same, but for rounding.
  await loaded.export(at('merged'), {});
  using merged = await loadPolicy(at('merged'));
  for (const [i, value] of logprobs(merged).entries()) expect(value).toBeCloseTo(adapted[i]!, 4);
  rmSync(at('base'), { recursive: true });
  await expect(loadPolicy(at('adapter'))).rejects.toThrow(UsageError);
});

test('an adapter of a model of the hub names id and commit, and finds them in the cache', async () => {
  await writePretrained('base');
  const commit = 'a1'.repeat(20);
  vi.stubEnv('HF_HUB_CACHE', at('cache'));
  vi.stubEnv('HF_HUB_OFFLINE', '1');
  const snapshot = at(`cache/models--owner--tiny/snapshots/${commit}`);
  cpSync(at('base'), snapshot, { recursive: true });
  mkdirSync(at('cache/models--owner--tiny/refs'), { recursive: true });
  writeFileSync(at('cache/models--owner--tiny/refs/main'), commit);
  using policy = await loadPolicy('owner/tiny');
  policy.adapt(lora, 1);
  disturb(policy);
  await policy.save(at('adapter'));
  expect(JSON.parse(readFileSync(at('adapter/adapter_config.json'), 'utf8'))).toMatchObject({
    base_model_name_or_path: 'owner/tiny',
    revision: commit,
  });
  // The branch has moved on: the commit counts.
  writeFileSync(at('cache/models--owner--tiny/refs/main'), 'b2'.repeat(20));
  using loaded = await loadPolicy(at('adapter'));
  expect(logprobs(loaded)).toEqual(logprobs(policy));
});

test('what cannot be spoken with says so', async () => {
  await writePretrained('base');
  rmSync(at('base/chat_template.jinja'));
  await expect(loadPolicy(at('base'))).rejects.toThrow(
    /expected a chat template at .*--pretrained\.chat-template FILE/,
  );
  writeFileSync(at('template'), CHATML);
  using given = await loadPolicy(at('base'), pretrainedConfigSchema.parse({ chatTemplate: at('template') }));
  expect(given.codec('history')).toBeInstanceOf(TemplateCodec);
  await expect(loadPolicy(at('nowhere'))).rejects.toThrow(UsageError);
  using fresh = Policy.own(Decoder.create(model, 1), ownJson);
  fresh.adapt(lora, 1);
  await expect(fresh.save(at('x'))).rejects.toThrow(/adapter of a model that has a path/);
  expect(existsSync(at('x'))).toBe(false);
});
