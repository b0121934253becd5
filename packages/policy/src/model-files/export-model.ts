import { existsSync } from 'node:fs';
import { copyFile, mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { UsageError } from '@parl-mt/schema';
import { HalfMatrix, isParlActive, readVariable, variableBuffer } from '@parl-mt/tfjs-backend';
import { configJsonOf } from '../architectures/config-json.js';
import type { Decoder, DecoderWeight } from '../decoder.js';
import { type WrittenTensor, writeSafetensors } from '../safetensors.js';
import { writeAtomically } from '../write-atomically.js';
import { CONFIG_FILE, GENERATION_CONFIG_FILE, type ModelFiles } from './load-model.js';
import { readModelTokenizer } from './model-tokenizer.js';
import { INDEX_FILE, WEIGHTS_FILE } from './sharded-safetensors.js';
import { writeTokenizer } from './write-tokenizer.js';

/** Files of a tokenizer and its chat template, copied as they are. */
const TOKENIZER_FILES = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.json',
  'merges.txt',
  'tokenizer.model',
  'chat_template.jinja',
  'chat_template.json',
] as const;

export interface ExportOptions {
  /** Where the model was loaded from: its configurations are kept, its tokenizer and template copied. */
  readonly source?: ModelFiles | undefined;
  /** Element type of the weights. Default: float32. */
  readonly dtype?: 'float32' | 'bfloat16' | undefined;
  /** Weights above this size are cut into shards of at most that (a larger tensor has one of its own). Default 5e9, Hugging Face's. */
  readonly maxShardBytes?: number | undefined;
}

/**
 * Writes a model as transformers loads it: weights, `config.json`, `generation_config.json`, and the tokenizer's files, copied
 * from a source folder or made of a GGUF file's metadata. This is an export for others; the trainers' checkpoints also hold optimizer and cursor.
 *
 * The configurations come last, so that a folder whose writing was cut short is no model; each file is written atomically.
 *
 * @returns names of the files written.
 * @throws {UsageError} when the folder holds weights that would stay beside the new ones.
 */
export async function exportModel(directory: string, decoder: Decoder, options: ExportOptions = {}): Promise<string[]> {
  const { source, dtype = 'float32', maxShardBytes = 5e9 } = options;
  if (!(maxShardBytes >= 1)) throw new UsageError(`expected maxShardBytes of at least 1, received ${maxShardBytes}`);
  expectNoModel(directory);
  await mkdir(directory, { recursive: true });
  const written = await writeWeights(directory, decoder.weights, dtype, maxShardBytes);
  for (const name of source?.kind === 'folder' ? TOKENIZER_FILES : []) {
    if (await copyWhole(path.join(source!.path, name), path.join(directory, name))) written.push(name);
  }
  if (source?.kind === 'gguf')
    written.push(...(await writeTokenizer(directory, await readModelTokenizer(source.path))));
  const generation = generationJson(source);
  if (generation !== undefined) {
    await writeJson(path.join(directory, GENERATION_CONFIG_FILE), generation);
    written.push(GENERATION_CONFIG_FILE);
  }
  await writeJson(path.join(directory, CONFIG_FILE), configJson(decoder, source, dtype));
  return [...written, CONFIG_FILE];
}

/** @throws {UsageError} when the folder holds a model: its files would be mixed with others. */
export function expectNoModel(directory: string): void {
  if (existsSync(path.join(directory, CONFIG_FILE))) {
    throw new UsageError(`expected a folder without ${CONFIG_FILE} for the export, found one at ${directory}`);
  }
}

async function writeWeights(
  directory: string,
  weights: ReadonlyMap<string, DecoderWeight>,
  dtype: 'float32' | 'bfloat16',
  maxShardBytes: number,
): Promise<string[]> {
  const bytesOf = (weight: DecoderWeight) => weight.size * (dtype === 'float32' ? 4 : 2);
  const shards: [string, DecoderWeight][][] = [[]];
  let size = 0;
  for (const entry of weights) {
    const bytes = bytesOf(entry[1]);
    if (size > 0 && size + bytes > maxShardBytes) {
      shards.push([]);
      size = 0;
    }
    shards.at(-1)!.push(entry);
    size += bytes;
  }
  const names = shards.map((_, i) => (shards.length === 1 ? WEIGHTS_FILE : shardName(i + 1, shards.length)));
  for (const [i, shard] of shards.entries()) {
    const tensors = new Map(
      // In place where that is possible: the weights are not copied for being written.
      shard.map(([name, weight]): [string, WrittenTensor] => {
        if (weight instanceof HalfMatrix) return [name, { shape: weight.shape, values: weight.bits }];
        return [name, { shape: weight.shape, values: isParlActive() ? variableBuffer(weight) : readVariable(weight) }];
      }),
    );
    await writeSafetensors(path.join(directory, names[i]!), tensors, { format: 'pt' }, dtype);
  }
  if (shards.length === 1) return names;
  const index = {
    metadata: { total_size: [...weights.values()].reduce((sum, variable) => sum + bytesOf(variable), 0) },
    weight_map: Object.fromEntries(shards.flatMap((shard, i) => shard.map(([name]) => [name, names[i]!]))),
  };
  await writeJson(path.join(directory, INDEX_FILE), index);
  return [...names, INDEX_FILE];
}

/** As transformers numbers them. */
function shardName(number: number, count: number): string {
  const digits = (value: number) => String(value).padStart(5, '0');
  return `model-${digits(number)}-of-${digits(count)}.safetensors`;
}

/** The source's own configuration, since it may say more than the decoder needs; else what the decoder is. */
function configJson(decoder: Decoder, source: ModelFiles | undefined, dtype: string): Record<string, unknown> {
  const kept = source?.config;
  const ends = source?.generation.endTokens ?? [];
  if (kept === undefined) {
    return {
      ...configJsonOf(decoder.architecture),
      torch_dtype: dtype,
      ...(ends.length === 0 ? {} : { eos_token_id: ends.length === 1 ? ends[0] : ends }),
      ...(source?.generation.beginToken === undefined ? {} : { bos_token_id: source.generation.beginToken }),
    };
  }
  const { torch_dtype: _, dtype: __, ...rest } = kept;
  return { ...rest, ...('dtype' in kept ? { dtype } : { torch_dtype: dtype }) };
}

function generationJson(source: ModelFiles | undefined): Record<string, unknown> | undefined {
  if (source === undefined) return undefined;
  const { generation } = source;
  const ends = generation.endTokens;
  const all: Record<string, unknown> = {
    bos_token_id: generation.beginToken,
    eos_token_id: ends.length === 1 ? ends[0] : ends.length === 0 ? undefined : ends,
    pad_token_id: generation.padToken,
    do_sample: generation.doSample,
    temperature: generation.temperature,
    top_k: generation.topK,
    top_p: generation.topP,
    min_p: generation.minP,
    repetition_penalty: generation.repetitionPenalty,
    max_new_tokens: generation.maxNewTokens,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

async function writeJson(file: string, value: unknown): Promise<void> {
  await writeAtomically(file, [`${JSON.stringify(value, null, 2)}\n`]);
}

/** Copies a file under another name and renames it; false where there is none. */
async function copyWhole(from: string, to: string): Promise<boolean> {
  if (!existsSync(from)) return false;
  const temporary = `${to}.${process.pid}.tmp`;
  try {
    await copyFile(from, temporary);
    await rename(temporary, to);
  } finally {
    await rm(temporary, { force: true });
  }
  return true;
}
