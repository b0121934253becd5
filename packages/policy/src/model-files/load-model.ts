import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { UsageError } from '@parl-mt/schema';
import { architectureFromConfigJson } from '../architectures/config-json.js';
import type { DecoderArchitecture } from '../architectures/decoder-architecture.js';
import { architectureFromGguf } from '../architectures/gguf-architecture.js';
import { Decoder } from '../decoder.js';
import { type GenerationDefaults, generationDefaults } from './generation-config.js';
import { GgufFile } from './gguf-file.js';
import { GgufWeights } from './gguf-weights.js';
import { loadWeights, type WeightType } from './load-weights.js';
import { openFolderWeights } from './sharded-safetensors.js';
import type { TensorSource } from './tensor-source.js';

export const CONFIG_FILE = 'config.json';
export const GENERATION_CONFIG_FILE = 'generation_config.json';

/** Where a model came from, and what its files say beside the weights. */
export interface ModelFiles {
  readonly kind: 'folder' | 'gguf';
  /** As given. */
  readonly path: string;
  readonly architecture: DecoderArchitecture;
  readonly generation: GenerationDefaults;
  /** Parsed `config.json`; undefined for a GGUF file. */
  readonly config: Readonly<Record<string, unknown>> | undefined;
}

export interface LoadedModel {
  readonly decoder: Decoder;
  readonly files: ModelFiles;
}

/**
 * Loads a model: a Hugging Face folder (`config.json` with `model.safetensors`, or with shards and their index), or a GGUF
 * file. Weights become float32 variables of the active backend; they are read straight into the variables' memory, converted
 * piece by piece, so no second copy of them exists.
 *
 * @param weights - bfloat16: matrices are constants in half the memory, under an adapter or for sampling and scoring. Default float32.
 * @throws {UsageError} naming what was found and what is supported, for an architecture, an option, a tensor type or a file
 *   that cannot be loaded.
 */
export async function loadModel(modelPath: string, weights: WeightType = 'float32'): Promise<LoadedModel> {
  return (await isModelFolder(modelPath)) ? loadFolder(modelPath, weights) : loadGguf(modelPath, weights);
}

/**
 * What a model's files say, without its weights.
 * @throws {UsageError} as `loadModel` does.
 */
export async function readModelFiles(modelPath: string): Promise<ModelFiles> {
  if (await isModelFolder(modelPath)) return readFolder(modelPath);
  await using gguf = await GgufFile.open(modelPath);
  return readGguf(modelPath, gguf);
}

async function isModelFolder(modelPath: string): Promise<boolean> {
  return stat(modelPath).then(
    (found) => found.isDirectory(),
    (error: unknown) => {
      throw new UsageError(`expected a model folder or a .gguf file at ${modelPath}: ${(error as Error).message}`, {
        cause: error,
      });
    },
  );
}

async function readFolder(folder: string): Promise<ModelFiles> {
  const configPath = path.join(folder, CONFIG_FILE);
  const config = await readJsonFile(configPath);
  const architecture = architectureFromConfigJson(config, configPath);
  const generationPath = path.join(folder, GENERATION_CONFIG_FILE);
  const generation = existsSync(generationPath) ? await readJsonFile(generationPath) : undefined;
  return {
    kind: 'folder',
    path: folder,
    architecture,
    generation: generationDefaults(generation, config, generationPath, architecture.vocabSize),
    config: config as Record<string, unknown>,
  };
}

async function readGguf(file: string, gguf: GgufFile): Promise<ModelFiles> {
  const architecture = await architectureFromGguf(gguf);
  return { kind: 'gguf', path: file, architecture, generation: ggufGeneration(gguf), config: undefined };
}

async function loadFolder(folder: string, type: WeightType): Promise<LoadedModel> {
  const files = await readFolder(folder);
  await using source = await openFolderWeights(folder);
  return { decoder: await decoderOf(source, files, type), files };
}

async function decoderOf(source: TensorSource, { architecture }: ModelFiles, type: WeightType): Promise<Decoder> {
  return Decoder.fromWeights(architecture, await loadWeights(source, architecture, type));
}

async function loadGguf(file: string, type: WeightType): Promise<LoadedModel> {
  const gguf = await GgufFile.open(file);
  try {
    const files = await readGguf(file, gguf);
    await using source = new GgufWeights(gguf, files.architecture);
    return { decoder: await decoderOf(source, files, type), files };
  } finally {
    await gguf[Symbol.asyncDispose]();
  }
}

/** End tokens: of a text, and of a turn. */
function ggufGeneration(file: GgufFile): GenerationDefaults {
  const token = (name: string) => file.number(`tokenizer.ggml.${name}_token_id`);
  const ends = [token('eos'), token('eot')].filter((id) => id !== undefined);
  return { endTokens: [...new Set(ends)], beginToken: token('bos'), padToken: token('padding') };
}

/** @throws {UsageError} when the file cannot be read or is no JSON. */
export async function readJsonFile(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new UsageError(`expected JSON at ${file}: ${(error as Error).message}`, { cause: error });
  }
}
