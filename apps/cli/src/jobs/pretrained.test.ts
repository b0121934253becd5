import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { buildPagDataset } from '@parl-mt/pag';
import { Decoder, exportModel, Tokenizer, trainBpe, writeTokenizer } from '@parl-mt/policy';
import { decoderConfigSchema, pagConfigSchema, UsageError } from '@parl-mt/schema';
import { selectBackend } from '@parl-mt/tfjs-backend';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestHost, testHost } from '../host.testing.js';
import { jobLoaders } from '../jobs.js';
import { runCli } from '../run-cli.js';
import { requireMemory } from './require-memory.js';

const TEMPLATE =
  "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
const CONTEXT = ['context.max-context-tokens', '3000', 'context.max-new-tokens', '24'];
const context = (section: string) =>
  CONTEXT.map((text) => (text.startsWith('context') ? `--${section}.${text}` : text));

let host: TestHost;

/** A host of its own for a command, in the same folder. */
async function run(...args: string[]): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  using own = Object.assign(testHost(jobLoaders), { cwd: host.cwd, [Symbol.dispose]: () => undefined });
  const code = await runCli(args, own);
  return { code, out: own.stdout.text, err: own.stderr.text };
}

/** A dataset, and a tiny model as other people publish one: with a template, without our special tokens. */
beforeAll(async () => {
  await selectBackend('parl');
  host = testHost(jobLoaders);
  const synthesis = { tasks: 12, seed: 3, classes: ['TicketAPI'], maxTurns: 3 };
  await buildPagDataset(pagConfigSchema.parse({ synthesis, validationFraction: 0.25 }), {
    outDir: path.join(host.cwd, 'pag'),
  });
  const json = JSON.parse(
    JSON.stringify(trainBpe(['resolve_ticket(ticket_id=1)'], { vocabSize: 300 }))
      .replaceAll('<|system|>', '<|im_start|>')
      .replaceAll('<|end|>', '<|im_end|>')
      .replace(/<(\/?)(summary|think|tool_call)>/g, '<$1x_$2>'),
  ) as unknown;
  const shape = { hiddenSize: 16, numLayers: 1, numHeads: 2, numKvHeads: 2, intermediateSize: 16 };
  const decoder = Decoder.create(decoderConfigSchema.parse({ ...shape, vocabSize: new Tokenizer(json).vocabSize }), 1);
  const folder = path.join(host.cwd, 'model');
  await exportModel(folder, decoder);
  await writeTokenizer(folder, { json, chatTemplate: TEMPLATE, specialTokens: {}, maxLength: undefined });
});
afterAll(() => host[Symbol.dispose]());

test('a dry run says what would be trained and held, and writes nothing', async () => {
  const args = ['sft', '--dry-run', '--base', 'model', '--dataset', 'pag', '--tuning', 'lora', '--lora.rank', '2'];
  const { code, out } = await inFolder(() => run(...args, ...context('sft'), '--out', 'planned', '--json'));
  expect(code).toBe(0);
  const plan = JSON.parse(out);
  // q, k, v, o: 2 (16 + 16) each; gate, up, down: 2 (16 + 16) each.
  expect(plan.facts['trained parameters']).toBe(7 * 2 * 32);
  expect(plan.facts['records that do not fit']).toBe(0);
  expect(plan.fits).toBe(true);
  const sum = plan.memory.parts.reduce((total: number, { bytes }: { readonly bytes: number }) => total + bytes, 0);
  expect(plan.memory.total).toBe(sum);
  expect(existsSync(path.join(host.cwd, 'planned'))).toBe(false);
  const text = await inFolder(() => run(...args, ...context('sft')));
  expect(text.out).toMatch(/memory, MiB\n {2}weights .*\n {2}adapter .*[\s\S]* {2}total .*\n {2}free .*\nit fits\n$/);
});

test('a pretrained model is fine-tuned by an adapter, evaluated on records and exported merged', async () => {
  const sft = ['sft', '--base', 'model', '--dataset', 'pag', '--tuning', 'lora', '--out', 'lora'];
  const budget = ['--sft.token-budget', '6000', '--sft.batch-tokens', '1024', ...context('sft')];
  const trained = await inFolder(() => run(...sft, ...budget));
  expect(trained.code).toBe(0);
  expect(existsSync(path.join(host.cwd, 'lora/policy/adapter_model.safetensors'))).toBe(true);
  const evaluated = await inFolder(() =>
    run(
      ...['eval', '--policy.kind', 'checkpoint', '--policy.path', 'lora', '--benchmark', 'records'],
      ...['--dataset', 'pag', '--evaluation.task-limit', '5', '--out', 'evaluated', ...context('evaluation')],
    ),
  );
  expect(evaluated.code).toBe(0);
  const summary = JSON.parse(readFileSync(path.join(host.cwd, 'evaluated/summary.json'), 'utf8'));
  expect(summary.calls.records + summary.messages.records).toBe(5);
  expect(summary.format.records).toBe(5);
  const lines = readFileSync(path.join(host.cwd, 'evaluated/completions.jsonl'), 'utf8').trim().split('\n');
  expect(lines).toHaveLength(5);

  const exported = await inFolder(() => run('export', '--policy', 'lora', '--out', 'whole', '--dtype', 'bfloat16'));
  expect(exported.code).toBe(0);
  for (const file of ['config.json', 'model.safetensors', 'tokenizer.json', 'chat_template.jinja']) {
    expect(existsSync(path.join(host.cwd, 'whole', file))).toBe(true);
  }
  const again = await inFolder(() => run('export', '--policy', 'lora', '--out', 'whole'));
  expect(again.code).toBe(2);
  expect(again.err).toMatch(/expected a folder without config\.json/);
});

test('weights in bfloat16 take half the memory under an adapter, and are not trained in full', async () => {
  const half = ['--pretrained.weights', 'bfloat16'];
  const sft = ['sft', '--base', 'model', '--dataset', 'pag', ...context('sft'), ...half];
  const weightsOf = async (...args: string[]) => {
    const { out } = await inFolder(() => run(...args, '--tuning', 'lora', '--dry-run', '--json'));
    return JSON.parse(out).memory.parts.find(({ name }: { readonly name: string }) => name === 'weights').bytes;
  };
  const vectors = (3 + 3) * 16 * 4; // norms and biases
  const [whole, halved] = [await weightsOf(...sft.slice(0, -2)), await weightsOf(...sft)];
  expect(2 * (halved - vectors)).toBe(whole - vectors);
  const trained = await inFolder(() =>
    run(...sft, '--out', 'half', '--tuning', 'lora', '--sft.token-budget', '6000', '--sft.batch-tokens', '1024'),
  );
  expect(trained.code).toBe(0);
  const evaluated = await inFolder(() =>
    run(
      ...['eval', '--policy.kind', 'checkpoint', '--policy.path', 'half', '--benchmark', 'records', ...half],
      ...['--dataset', 'pag', '--evaluation.task-limit', '5', '--out', 'half-evaluated', ...context('evaluation')],
    ),
  );
  expect(evaluated.code).toBe(0);
  const full = await inFolder(() => run(...sft, '--tuning', 'full', '--out', 'full'));
  expect(full.code).toBe(2);
  expect(full.err).toMatch(/pretrained\.weights: expected float32 with tuning "full", received bfloat16/);
});

test('mistakes with models name what to do', async () => {
  const noBase = await inFolder(() => run('sft', '--dataset', 'pag', '--tuning', 'lora'));
  expect([noBase.code, noBase.err]).toEqual([
    2,
    expect.stringContaining('tuning (--tuning <string>): expected a base model'),
  ]);
  const missing = await inFolder(() => run('sft', '--dataset', 'pag', '--base', 'nowhere'));
  expect([missing.code, missing.err]).toEqual([
    2,
    expect.stringContaining('or a model of the hub (owner/name or owner/name/FILE.gguf), nothing at nowhere'),
  ]);
});

test('a run that cannot fit says so at the start', () => {
  const plan = { parts: [{ name: 'weights', bytes: 3e9 }], total: 3e9 };
  const said: string[] = [];
  const reporter = { log: (message: string) => void said.push(message) };
  expect(() => requireMemory(plan, 'refuse', reporter, 2e9)).toThrow(UsageError);
  expect(() => requireMemory(plan, 'refuse', reporter, 2e9)).toThrow(/weights +2,861\.0[\s\S]*less memory is free/);
  requireMemory(plan, 'warn', reporter, 2e9);
  expect(said.join()).toContain('less memory is free');
  requireMemory(plan, 'refuse', reporter, 4e9);
  expect(said).toHaveLength(1);
});

/** Paths of a configuration are relative to where the process runs. */
async function inFolder<T>(work: () => Promise<T>): Promise<T> {
  const before = process.cwd();
  process.chdir(host.cwd);
  try {
    return await work();
  } finally {
    process.chdir(before);
  }
}
