import { UsageError } from '@parl-mt/schema';
import { Tokenizer } from '../tokenizer.js';
import type { TokenizerFolder } from '../tokenizer-folder.js';
import type { GgufFile } from './gguf-file.js';

/** Kinds of entries of `tokenizer.ggml.token_type` that stand in a text as a whole. */
const CONTROL = 3;
const USER_DEFINED = 4;

const WORD_PARTS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+";
const REST = ' ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';
const byteLevel = (usesRegex: boolean) => ({
  type: 'ByteLevel',
  add_prefix_space: false,
  trim_offsets: false,
  use_regex: usesRegex,
});
const split = (pattern: string) => [
  { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false },
  byteLevel(false),
];

interface Splitting {
  readonly preTokenizers: readonly object[];
  readonly normalizer?: object;
  /** A word that is an entry of the vocabulary is that token, whatever the merges say. */
  readonly ignoresMerges?: boolean;
  /** Whether a text begins with the begin token where the file does not say. */
  readonly addsBegin?: boolean;
}

const llama3: Splitting = {
  preTokenizers: split(`${WORD_PARTS}|\\p{N}{1,3}|${REST}`),
  ignoresMerges: true,
  addsBegin: true,
};

/** What the names in `tokenizer.ggml.pre` stand for. */
const splittings: Readonly<Record<string, Splitting>> = {
  default: { preTokenizers: [byteLevel(true)] },
  'gpt-2': { preTokenizers: [byteLevel(true)] },
  smollm: { preTokenizers: [{ type: 'Digits', individual_digits: true }, byteLevel(true)] },
  // The file has no normaliser; the tokenizers behind this name have NFC.
  qwen2: { preTokenizers: split(`${WORD_PARTS}|\\p{N}|${REST}`), normalizer: { type: 'NFC' } },
  'llama-bpe': llama3,
  llama3,
  'llama-v3': llama3,
};

/**
 * Tokenizer, chat template and special tokens of a GGUF file, as `readTokenizerFolder` has them of a folder.
 *
 * @throws {UsageError} where the metadata hold none, one that is malformed, or one of another kind than byte-level BPE with a known
 *   way of splitting text.
 */
export function readGgufTokenizer(file: GgufFile): TokenizerFolder {
  const fail = (what: string): never => {
    throw new UsageError(`expected ${what} in the metadata of ${file.where}`);
  };
  const kind = file.text('tokenizer.ggml.model') ?? fail('tokenizer.ggml.model');
  if (kind !== 'gpt2') {
    fail(`tokenizer.ggml.model gpt2 (byte-level BPE, the only kind that is read from GGUF), not ${kind},`);
  }
  const name = file.text('tokenizer.ggml.pre') ?? 'default';
  const known = Object.hasOwn(splittings, name) ? splittings[name] : undefined;
  const splitting = known ?? fail(`tokenizer.ggml.pre of ${Object.keys(splittings).join(', ')}, not ${name},`);
  const tokens = file.strings('tokenizer.ggml.tokens') ?? fail('tokenizer.ggml.tokens');
  const merges = file.strings('tokenizer.ggml.merges') ?? fail('tokenizer.ggml.merges');
  const types = file.numbers('tokenizer.ggml.token_type') ?? new Int32Array(tokens.length).fill(1);
  if (types.length !== tokens.length) {
    fail(`as many entries of tokenizer.ggml.token_type as tokens, ${tokens.length}, not ${types.length},`);
  }

  const vocab: Record<string, number> = Object.create(null) as Record<string, number>;
  const added: object[] = [];
  for (const [id, content] of tokens.entries()) {
    const isControl = types[id] === CONTROL;
    if (!isControl && types[id] !== USER_DEFINED) {
      vocab[content] = id;
      continue;
    }
    const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: isControl };
    added.push({ id, content, ...flags });
  }

  const special = (key: string): string | undefined => {
    const id = file.number(`tokenizer.ggml.${key}_token_id`);
    if (id === undefined) return undefined;
    return tokens[id] ?? fail(`tokenizer.ggml.${key}_token_id below ${tokens.length}, not ${id},`);
  };
  const begin = special('bos');
  const addsBegin = file.flag('tokenizer.ggml.add_bos_token') ?? splitting.addsBegin ?? false;
  const json = {
    version: '1.0',
    added_tokens: added,
    normalizer: splitting.normalizer ?? null,
    pre_tokenizer: { type: 'Sequence', pretokenizers: splitting.preTokenizers },
    post_processor: addsBegin && begin !== undefined ? beginProcessor(begin, tokens.indexOf(begin)) : byteLevel(true),
    decoder: byteLevel(true),
    model: { type: 'BPE', unk_token: null, ignore_merges: splitting.ignoresMerges ?? false, vocab, merges },
  };
  const texts = {
    bos_token: begin,
    eos_token: special('eos'),
    unk_token: special('unknown'),
    pad_token: special('padding'),
  };
  const architecture = file.text('general.architecture');
  return {
    tokenizer: new Tokenizer(json),
    // Hugging Face's library gives added tokens new ids where the vocabulary does not list them.
    json: { ...json, model: { ...json.model, vocab: Object.fromEntries(tokens.map((token, id) => [token, id])) } },
    chatTemplate: file.text('tokenizer.chat_template'),
    namedTemplates: Object.fromEntries(
      (file.strings('tokenizer.chat_templates') ?? []).flatMap((each) => {
        const template = file.text(`tokenizer.chat_template.${each}`);
        return template === undefined ? [] : [[each, template]];
      }),
    ),
    specialTokens: Object.fromEntries(Object.entries(texts).filter((entry): entry is [string, string] => !!entry[1])),
    maxLength: architecture === undefined ? undefined : file.number(`${architecture}.context_length`),
  };
}

function beginProcessor(token: string, id: number): object {
  const piece = { SpecialToken: { id: token, type_id: 0 } };
  return {
    type: 'TemplateProcessing',
    single: [piece, { Sequence: { id: 'A', type_id: 0 } }],
    pair: [piece, { Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
    special_tokens: { [token]: { id: token, ids: [id], tokens: [token] } },
  };
}
