import { ChatTemplate, JinjaError } from '@parl-mt/chat';
import { UsageError } from '@parl-mt/schema';
import { trainBpe } from '../bpe-trainer.js';
import { philox } from '../philox.js';
import { Tokenizer } from '../tokenizer.js';

/** Bounds of one rendering: some 20 ms. */
const LIMITS = { maxSteps: 200_000, maxOutput: 1_000_000, maxDepth: 100 };
/** Heap that an input may take: a constant, and this many bytes for each of its characters. */
const ALLOWED_BYTES = { constant: 96_000_000, perCharacter: 4_000 };

export interface TextFuzzFinding {
  readonly index: number;
  readonly kind: 'wrong error' | 'slow' | 'memory' | 'prototype';
  readonly detail: string;
}

/** A mutated input: text of a template, or of a `tokenizer.json`. */
export interface TextFuzzInput {
  readonly target: 'template' | 'tokenizer';
  readonly text: string;
}

const TEMPLATES = [
  "{% for m in messages %}{{ '<|' ~ m.role ~ '|>' }}{{ m.content | trim }}{% if not loop.last %}{{ '\\n' }}{% endif %}{% endfor %}",
  "{%- set ns = namespace(n=0) -%}{% for m in messages if m.role != 'system' %}{% set ns.n = ns.n + loop.index0 * 2 ** 3 %}{% endfor %}{{ ns.n }}",
  '{% macro show(x, d=1) %}{% if x is mapping %}{% for k, v in x | dictsort %}{{ k }}: {{ show(v, d + 1) }}{% endfor %}{% else %}{{ x | tojson(indent=d) }}{% endif %}{% endmacro %}{{ show(tools) }}',
  "{{ messages[0].content.split(' ')[-1:] | map('upper') | join(', ') }}{{ '%05.2f|%s' % (3.14159, tools) }}{{ '{:>8}'.format('x') }}",
  "{% generation %}{{ messages | selectattr('role', 'equalto', 'user') | map(attribute='content') | list | last }}{% endgeneration %}{# note #}{% raw %}{{ }}{% endraw %}",
  "{% for i in range(5) %}{% if i is odd %}{% continue %}{% endif %}{{ loop.cycle('a', 'b') ~ i }}{% if i > 3 %}{% break %}{% endif %}{% else %}none{% endfor %}",
  "{% filter upper | replace('A', 'b') %}{{ strftime_now('%Y-%m-%d') }}{% endfilter %}{% with a = {'k': [1, 2.5, none]} %}{{ a.k[::-1] }}{% endwith %}{% call(x) show(1) %}{{ x }}{% endcall %}",
];
const PIECES = [
  '{{',
  '}}',
  '{%',
  '%}',
  '{#',
  '#}',
  '{%-',
  '-%}',
  '(',
  ')',
  '[',
  ']',
  '{',
  '}',
  '|',
  '~',
  '**',
  '*',
  '//',
  ':',
  ',',
  '.',
  "'",
  '"',
  '\\',
  ' if ',
  ' else ',
  ' for ',
  ' in ',
  ' is ',
  ' not ',
  ' and ',
  'loop',
  'range(99999)',
  'namespace()',
  'messages',
  'tools',
  '.__class__',
  '["__proto__"]',
  '.constructor',
  '999999999',
  '1e308',
  '* 9999999',
  "'x' * 99999",
  '| tojson',
  '| sort',
  '| length',
  '| batch(2)',
  '| list',
  '%99999d',
  'endfor',
  '{% endif %}',
  '{% set x = x ~ x %}',
  '\u0000',
  '\ud83d',
  '\u{10ffff}',
  'é',
  '\n',
  '-1',
  '[::-1]',
  'recursive',
];
const MESSAGES = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'What is the weather in Köln? 👋 <|end|>' },
  {
    role: 'assistant',
    content: '',
    tool_calls: [{ function: { name: 'f', arguments: { a: 1, b: [true, null, 2.5] } } }],
  },
];

const BYTE_LEVEL = JSON.stringify(trainBpe(['the weather in Oslo', 'the time'], { vocabSize: 275 }));
/** A vocabulary in the manner of SentencePiece, small enough to mutate all of it. */
const SENTENCE_PIECE = JSON.stringify({
  version: '1.0',
  added_tokens: [
    { id: 0, content: '<unk>', special: true, normalized: false },
    { id: 1, content: '<s>', special: true },
  ],
  normalizer: {
    type: 'Sequence',
    normalizers: [{ type: 'NFC' }, { type: 'Replace', pattern: { String: ' ' }, content: '▁' }],
  },
  pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: false },
  post_processor: {
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
    pair: [],
    special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] } },
  },
  decoder: {
    type: 'Sequence',
    decoders: [{ type: 'Replace', pattern: { String: '▁' }, content: ' ' }, { type: 'ByteFallback' }, { type: 'Fuse' }],
  },
  model: {
    type: 'BPE',
    byte_fallback: true,
    unk_token: '<unk>',
    fuse_unk: true,
    vocab: { '<unk>': 0, '<s>': 1, '<0x61>': 2, '▁': 3, a: 4, b: 5, '▁a': 6, ab: 7, '▁ab': 8 },
    merges: [
      ['▁', 'a'],
      ['a', 'b'],
      ['▁a', 'b'],
    ],
  },
});
const VALUES = [
  'null',
  'true',
  '-1',
  '1e9',
  '1.5',
  '""',
  '[]',
  '{}',
  '"▁"',
  '[null]',
  '{"type":"BPE"}',
  '{"type":"Unigram"}',
  '{"type":"WordPiece"}',
  '{"type":"Sequence","decoders":[{}]}',
  '"ByteLevel"',
  '99999999999',
  '"\\ud800"',
  '{"Regex":"("}',
  '{"Regex":"\\\\p{L}+"}',
  '[["a"]]',
  '["a b c"]',
];

/** The input of an index: the same for the same seed. */
export function textFuzzInput(seed: number, index: number): TextFuzzInput {
  const random = new Draws(seed, index);
  const target = random.below(4) === 0 ? 'tokenizer' : 'template';
  const seeds = target === 'template' ? TEMPLATES : [BYTE_LEVEL, SENTENCE_PIECE, SENTENCE_PIECE];
  let text = random.pick(seeds);
  const changes = 1 + random.below(4);
  for (let i = 0; i < changes; i++) {
    text = target === 'template' ? mutateTemplate(text, random) : mutateJson(text, random);
  }
  return { target, text };
}

function mutateTemplate(text: string, random: Draws): string {
  const at = random.below(text.length + 1);
  const length = random.below(12);
  switch (random.below(6)) {
    case 0:
      return text.slice(0, at) + text.slice(at + length);
    case 1:
      return text.slice(0, at) + random.pick(PIECES) + text.slice(at);
    case 2:
      return text.slice(0, at) + random.pick(PIECES) + text.slice(at + length);
    case 3:
      return text.slice(0, at) + text.slice(at, at + length).repeat(1 + random.below(50)) + text.slice(at);
    case 4:
      return text.slice(0, at) + random.pick(TEMPLATES).slice(random.below(60)) + text.slice(at);
    default:
      return text.slice(0, at) + random.pick(PIECES).repeat(1 + random.below(400)) + text.slice(at);
  }
}

/** Replaces a value or a key of the JSON text, or cuts bytes. */
function mutateJson(text: string, random: Draws): string {
  const at = random.below(text.length);
  switch (random.below(5)) {
    case 0: {
      const value = /"[^"\\]*"|-?\d+|true|false|null/g;
      value.lastIndex = at;
      const match = value.exec(text);
      return match
        ? text.slice(0, match.index) + random.pick(VALUES) + text.slice(match.index + match[0].length)
        : text;
    }
    case 1: {
      const open = text.lastIndexOf('{', at);
      const close = text.indexOf('}', at);
      return open >= 0 && close >= 0 ? text.slice(0, open) + random.pick(VALUES) + text.slice(close + 1) : text;
    }
    case 2: {
      const open = text.lastIndexOf('[', at);
      const close = text.indexOf(']', at);
      return open >= 0 && close >= 0 ? text.slice(0, open) + random.pick(VALUES) + text.slice(close + 1) : text;
    }
    case 3:
      return text.slice(0, at) + text.slice(at + 1 + random.below(8));
    default:
      return text.replace(/"type":"\w+"/, (type) => (random.below(2) === 0 ? type : '"type":"NFKC"'));
  }
}

/** Runs one input; undefined when all it did was to be accepted or refused with an error for users. */
export function runTextFuzz(input: TextFuzzInput, index: number, timeLimitMs: number): TextFuzzFinding | undefined {
  const start = performance.now();
  const heapBefore = process.memoryUsage().heapUsed;
  try {
    if (input.target === 'template') {
      const now = new Date(2025, 0, 2);
      const template = new ChatTemplate(input.text, { limits: LIMITS, now: () => now });
      template.render({ messages: MESSAGES, tools: MESSAGES, addGenerationPrompt: true, controlTokens: ['<|end|>'] });
    } else exerciseTokenizer(input.text);
  } catch (error) {
    const isExpected = input.target === 'template' ? error instanceof JinjaError : error instanceof UsageError;
    if (!isExpected) {
      return {
        index,
        kind: 'wrong error',
        detail: error instanceof Error ? (error.stack ?? error.message) : String(error),
      };
    }
  }
  const milliseconds = performance.now() - start;
  if (milliseconds > timeLimitMs) return { index, kind: 'slow', detail: `${Math.round(milliseconds)} ms` };
  const bytes = process.memoryUsage().heapUsed - heapBefore;
  const allowed = ALLOWED_BYTES.constant + ALLOWED_BYTES.perCharacter * input.text.length;
  if (bytes > allowed) return { index, kind: 'memory', detail: `${bytes} bytes for ${input.text.length} characters` };
  const polluted = Object.keys(Object.prototype).concat(Object.keys(Array.prototype));
  return polluted.length > 0 ? { index, kind: 'prototype', detail: polluted.join() } : undefined;
}

function exerciseTokenizer(text: string): void {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return;
  }
  const tokenizer = new Tokenizer(json);
  const ids = tokenizer.encode('the weather ab 👋');
  tokenizer.decode(ids);
  const { ids: found } = tokenizer.tokenize('a b <s>é\ufeff');
  tokenizer.decode(tokenizer.withSpecialTokens(found), { skipSpecialTokens: true });
}

/** Random numbers of one input. */
class Draws {
  #next = 0;

  constructor(
    private readonly seed: number,
    private readonly index: number,
  ) {}

  below(limit: number): number {
    const block = philox(this.seed, this.index * 1000 + Math.floor(this.#next / 4), 77);
    return block[this.#next++ % 4]! % limit;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
}
