import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '@parl-mt/schema';
import { type AdamW, readVariable } from '@parl-mt/tfjs-backend';
import { fromHuggingFaceConfig, toHuggingFaceConfig } from './config-file.js';
import { Decoder } from './decoder.js';
import { weightShapes } from './decoder-weights.js';
import { readSafetensors, type StoredTensor, writeSafetensors } from './safetensors.js';
import { writeAtomically } from './write-atomically.js';

const CONFIG_FILE = 'config.json';
const WEIGHTS_FILE = 'model.safetensors';

/**
 * Writes `config.json` and `model.safetensors` as transformers reads them. Each file is written atomically; a directory
 * that must change as a whole is written under another name and renamed by the caller.
 */
export async function saveDecoder(directory: string, decoder: Decoder): Promise<void> {
  await mkdir(directory, { recursive: true });
  const tensors = new Map<string, StoredTensor>();
  for (const [name, variable] of decoder.weights) {
    tensors.set(name, { shape: variable.shape, values: readVariable(variable) });
  }
  await writeSafetensors(join(directory, WEIGHTS_FILE), tensors);
  await writeAtomically(join(directory, CONFIG_FILE), [
    `${JSON.stringify(toHuggingFaceConfig(decoder.config), null, 2)}\n`,
  ]);
}

/**
 * Reads what `saveDecoder` or transformers wrote.
 * @throws {UsageError} naming the tensors that are missing, too many, or of another shape.
 */
export async function loadDecoder(directory: string): Promise<Decoder> {
  const configPath = join(directory, CONFIG_FILE);
  const config = fromHuggingFaceConfig(await readJsonFile(configPath), configPath);
  const path = join(directory, WEIGHTS_FILE);
  const { tensors } = await readSafetensors(path);
  expectTensors(tensors, weightShapes(config), path);
  return Decoder.fromWeights(config, new Map([...tensors].map(([name, { values }]) => [name, values])));
}

/** Writes an optimizer's moments and update count, atomically. */
export async function saveOptimizer(path: string, optimizer: AdamW): Promise<void> {
  const { updates, firstMoments, secondMoments } = optimizer.state();
  const tensors = new Map<string, StoredTensor>();
  for (const [name, values] of firstMoments) tensors.set(`m.${name}`, { shape: [values.length], values });
  for (const [name, values] of secondMoments) tensors.set(`v.${name}`, { shape: [values.length], values });
  await writeSafetensors(path, tensors, { format: 'parl-mt-adamw', updates: String(updates) });
}

/**
 * Restores what `saveOptimizer` wrote into an optimizer over the same variables.
 * @throws {UsageError | ShapeError} when the file is malformed or belongs to other variables.
 */
export async function loadOptimizer(path: string, optimizer: AdamW): Promise<void> {
  const { tensors, metadata } = await readSafetensors(path);
  const updates = Number(metadata.updates);
  if (metadata.format !== 'parl-mt-adamw' || !Number.isSafeInteger(updates) || updates < 0) {
    throw new UsageError(`expected an optimizer state at ${path}, received format ${metadata.format ?? 'none'}`);
  }
  const moments = (prefix: string) =>
    new Map(
      [...tensors]
        .filter(([name]) => name.startsWith(prefix))
        .map(([name, { values }]) => [name.slice(prefix.length), values]),
    );
  optimizer.restore({ updates, firstMoments: moments('m.'), secondMoments: moments('v.') });
}

function expectTensors(
  tensors: ReadonlyMap<string, StoredTensor>,
  shapes: ReadonlyMap<string, readonly number[]>,
  where: string,
): void {
  const problems: string[] = [];
  for (const [name, shape] of shapes) {
    const found = tensors.get(name);
    if (!found) problems.push(`${name} is missing`);
    else if (found.shape.join() !== shape.join()) {
      problems.push(`${name} has shape [${found.shape.join(', ')}], not [${shape.join(', ')}]`);
    }
  }
  for (const name of tensors.keys()) if (!shapes.has(name)) problems.push(`${name} is not part of this decoder`);
  if (problems.length > 0) {
    const shown = problems.slice(0, 5).join('; ');
    const more = problems.length > 5 ? `; and ${problems.length - 5} more` : '';
    throw new UsageError(`expected the weights of config.json at ${where}: ${shown}${more}`);
  }
}

async function readJsonFile(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new UsageError(`expected JSON at ${path}: ${(error as Error).message}`, { cause: error });
  }
}
