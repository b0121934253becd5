import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '@parl-mt/schema';
import { type AdamW, HalfMatrix, readVariable } from '@parl-mt/tfjs-backend';
import { configJsonOf } from './architectures/config-json.js';
import type { Decoder } from './decoder.js';
import { CONFIG_FILE, loadModel } from './model-files/load-model.js';
import { WEIGHTS_FILE } from './model-files/sharded-safetensors.js';
import { readSafetensors, type StoredTensor, type WrittenTensor, writeSafetensors } from './safetensors.js';
import { writeAtomically } from './write-atomically.js';

/**
 * Writes `config.json` and `model.safetensors` as transformers reads them. Each file is written atomically; a directory
 * that must change as a whole is written under another name and renamed by the caller.
 */
export async function saveDecoder(directory: string, decoder: Decoder): Promise<void> {
  await mkdir(directory, { recursive: true });
  const tensors = new Map<string, WrittenTensor>();
  for (const [name, weight] of decoder.weights) {
    tensors.set(name, {
      shape: weight.shape,
      values: weight instanceof HalfMatrix ? weight.bits : readVariable(weight),
    });
  }
  await writeSafetensors(join(directory, WEIGHTS_FILE), tensors);
  await writeAtomically(join(directory, CONFIG_FILE), [
    `${JSON.stringify(configJsonOf(decoder.architecture), null, 2)}\n`,
  ]);
}

/**
 * Reads what `saveDecoder` or transformers wrote.
 * @throws {UsageError} as `loadModel` does.
 */
export async function loadDecoder(directory: string): Promise<Decoder> {
  return (await loadModel(directory)).decoder;
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
