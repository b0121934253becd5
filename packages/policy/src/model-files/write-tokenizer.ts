import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { TokenizerFolder } from '../tokenizer-folder.js';
import { writeAtomically } from '../write-atomically.js';

/** What `writeTokenizer` needs of a tokenizer. */
export type WrittenTokenizer = Pick<TokenizerFolder, 'json' | 'chatTemplate' | 'specialTokens' | 'maxLength'>;

/**
 * Writes a tokenizer as transformers loads it: `tokenizer.json`, `tokenizer_config.json`, and `chat_template.jinja` where there is a
 * template; each atomically. Makes the folder where there is none.
 *
 * @returns names of the files.
 */
export async function writeTokenizer(
  directory: string,
  { json, chatTemplate, specialTokens, maxLength }: WrittenTokenizer,
): Promise<string[]> {
  const config = {
    tokenizer_class: 'PreTrainedTokenizerFast',
    clean_up_tokenization_spaces: false,
    ...specialTokens,
    ...(maxLength === undefined ? {} : { model_max_length: maxLength }),
  };
  const files: [string, string][] = [
    ['tokenizer.json', JSON.stringify(json)],
    ['tokenizer_config.json', `${JSON.stringify(config, null, 2)}\n`],
    ...(chatTemplate === undefined ? [] : [['chat_template.jinja', chatTemplate] as [string, string]]),
  ];
  await mkdir(directory, { recursive: true });
  for (const [name, content] of files) await writeAtomically(path.join(directory, name), [content]);
  return files.map(([name]) => name);
}
