import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { UsageError } from '@parl-mt/schema';
import { Tokenizer } from './tokenizer.js';

/** What a model folder says about text. */
export interface TokenizerFolder {
  readonly tokenizer: Tokenizer;
  /** Content of a `tokenizer.json` that Hugging Face's library reads alike. */
  readonly json: unknown;
  /** Source of the chat template; undefined where the folder has none. */
  readonly chatTemplate: string | undefined;
  /** Further templates by name, such as `tool_use`. */
  readonly namedTemplates: Readonly<Record<string, string>>;
  /** Texts of `bos_token`, `eos_token`, `pad_token`, `unk_token` and others, which templates read as variables. */
  readonly specialTokens: Readonly<Record<string, string>>;
  /** Longest text the model was made for, in tokens; undefined where the folder does not say. */
  readonly maxLength: number | undefined;
}

/** Largest file that is read, in bytes. Published tokenizers have up to 35 MB. */
const MAX_FILE_BYTES = 256_000_000;

/**
 * Reads `tokenizer.json`, and, where they are, `tokenizer_config.json` (in the form of transformers 4 or 5),
 * `special_tokens_map.json`, `chat_template.jinja` and `chat_template.json`.
 *
 * @throws {UsageError} naming the file, when one cannot be read or understood, or `tokenizer.json` is not there.
 */
export async function readTokenizerFolder(folder: string): Promise<TokenizerFolder> {
  const file = path.join(folder, 'tokenizer.json');
  const json = await readJsonFile(file);
  if (json === undefined) throw new UsageError(`expected a Hugging Face tokenizer.json at ${file}, there is none`);
  const config = asRecord(await readJsonFile(path.join(folder, 'tokenizer_config.json')));
  const map = asRecord(await readJsonFile(path.join(folder, 'special_tokens_map.json')));
  const processor = asRecord(await readJsonFile(path.join(folder, 'chat_template.json')));
  const fromFile = await readTextFile(path.join(folder, 'chat_template.jinja'));
  const named = namedTemplates(config['chat_template']);
  const { default: byName, ...others } = named;
  const plain = [fromFile, config['chat_template'], processor['chat_template']].find(
    (source) => typeof source === 'string',
  );
  const maxLength = config['model_max_length'];
  return {
    tokenizer: new Tokenizer(json, config),
    json,
    chatTemplate: (plain as string | undefined) ?? byName,
    namedTemplates: others,
    specialTokens: { ...specialTokens(map), ...specialTokens(config) },
    // Transformers writes 1e30 for "not known".
    maxLength:
      typeof maxLength === 'number' && Number.isSafeInteger(maxLength) && maxLength > 0 ? maxLength : undefined,
  };
}

function namedTemplates(value: unknown): Record<string, string> {
  if (!Array.isArray(value)) return {};
  const named: Record<string, string> = {};
  for (const entry of value as unknown[]) {
    const { name, template } = asRecord(entry);
    if (typeof name === 'string' && typeof template === 'string') named[name] = template;
  }
  return named;
}

/** Entries such as `eos_token`, each a text or an object with its text as `content`. */
function specialTokens(config: Readonly<Record<string, unknown>>): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, value] of Object.entries(config)) {
    if (!/^[a-z_]+_token$/.test(name)) continue;
    const content = typeof value === 'string' ? value : asRecord(value)['content'];
    if (typeof content === 'string') found[name] = content;
  }
  return found;
}

async function readJsonFile(file: string): Promise<unknown> {
  const text = await readTextFile(file);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`expected JSON in ${file}: ${(error as Error).message}`, { cause: error });
  }
}

async function readTextFile(file: string): Promise<string | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return undefined;
    throw new UsageError(`expected a file that can be read at ${file}: ${(error as Error).message}`, { cause: error });
  }
  if (bytes.length > MAX_FILE_BYTES) {
    throw new UsageError(`expected at most ${MAX_FILE_BYTES} bytes in ${file}, received ${bytes.length}`);
  }
  return bytes.toString('utf8');
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
