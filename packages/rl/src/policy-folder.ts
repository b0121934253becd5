import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import {
  type Decoder,
  loadDecoder,
  saveDecoder,
  Tokenizer,
  type TokenizerJson,
  writeAtomically,
} from '@parl-mt/policy';
import { UsageError } from '@parl-mt/schema';

/** A policy as it lies in a folder: `config.json`, `model.safetensors`, `tokenizer.json`. */
export interface PolicyFolder {
  readonly decoder: Decoder;
  readonly tokenizer: Tokenizer;
  readonly tokenizerJson: TokenizerJson;
}

/** Writes a policy as Hugging Face lays one out; each file atomically. */
export async function savePolicy(folder: string, decoder: Decoder, tokenizerJson: TokenizerJson): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeAtomically(path.join(folder, 'tokenizer.json'), [JSON.stringify(tokenizerJson)]);
  await saveDecoder(folder, decoder);
}

/**
 * Reads what `savePolicy` wrote.
 * @throws {UsageError} when a file is missing, malformed, or the parts do not fit each other.
 */
export async function loadPolicy(folder: string): Promise<PolicyFolder> {
  const file = path.join(folder, 'tokenizer.json');
  let tokenizerJson: TokenizerJson;
  try {
    tokenizerJson = JSON.parse(await readFile(file, 'utf8')) as TokenizerJson;
  } catch (cause) {
    throw new UsageError(`expected a policy folder with a readable ${file}: ${(cause as Error).message}`, { cause });
  }
  const tokenizer = new Tokenizer(tokenizerJson);
  const decoder = await loadDecoder(folder);
  if (tokenizer.vocabSize > decoder.architecture.vocabSize) {
    throw new UsageError(
      `expected a vocabulary of at most ${decoder.architecture.vocabSize} tokens in ${file}, as the weights have, received ${tokenizer.vocabSize}`,
    );
  }
  return { decoder, tokenizer, tokenizerJson };
}
