import { stat } from 'node:fs/promises';
import { readTokenizerFolder, type TokenizerFolder } from '../tokenizer-folder.js';
import { GgufFile } from './gguf-file.js';
import { readGgufTokenizer } from './gguf-tokenizer.js';

/**
 * The tokenizer and template of a model: of a Hugging Face folder, or of a GGUF file's metadata.
 *
 * @throws {UsageError} naming the file, when it has none or one that cannot be read.
 */
export async function readModelTokenizer(modelPath: string): Promise<TokenizerFolder> {
  const isFile = await stat(modelPath).then(
    (found) => found.isFile(),
    () => false,
  );
  if (!isFile) return readTokenizerFolder(modelPath);
  await using file = await GgufFile.open(modelPath);
  return readGgufTokenizer(file);
}
