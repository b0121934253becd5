import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { UsageError } from '@parl-mt/schema';
import { SafetensorsFile } from './safetensors-file.js';
import type { StoredTensorInfo, TensorSource } from './tensor-source.js';

export const WEIGHTS_FILE = 'model.safetensors';
export const INDEX_FILE = 'model.safetensors.index.json';

/**
 * The weights of a Hugging Face folder: `model.safetensors`, or the shards that `model.safetensors.index.json` names.
 *
 * @throws {UsageError} when neither is there, or the index does not fit its shards.
 */
export async function openFolderWeights(folder: string): Promise<TensorSource> {
  const index = path.join(folder, INDEX_FILE);
  const single = path.join(folder, WEIGHTS_FILE);
  if (existsSync(single)) return SafetensorsFile.open(single);
  if (existsSync(index)) return ShardedSafetensors.open(folder, index);
  throw new UsageError(`expected ${WEIGHTS_FILE} or ${INDEX_FILE} in ${folder}, found neither`);
}

/** Several safetensors files that an index joins. */
export class ShardedSafetensors implements TensorSource {
  readonly where: string;
  readonly tensors: ReadonlyMap<string, StoredTensorInfo>;
  readonly #shards: ReadonlyMap<string, SafetensorsFile>;
  readonly #shardOf: ReadonlyMap<string, string>;

  private constructor(
    where: string,
    shards: ReadonlyMap<string, SafetensorsFile>,
    shardOf: ReadonlyMap<string, string>,
  ) {
    this.where = where;
    this.#shards = shards;
    this.#shardOf = shardOf;
    this.tensors = new Map([...shardOf].map(([name, shard]) => [name, shards.get(shard)!.tensors.get(name)!]));
  }

  static async open(folder: string, index: string): Promise<ShardedSafetensors> {
    const shardOf = parseShardIndex(await readIndex(index), index);
    const shards = new Map<string, SafetensorsFile>();
    try {
      for (const shard of new Set(shardOf.values())) {
        shards.set(shard, await SafetensorsFile.open(path.join(folder, shard)));
      }
      expectSameNames(shardOf, shards, index);
      return new ShardedSafetensors(index, shards, shardOf);
    } catch (error) {
      for (const shard of shards.values()) await shard[Symbol.asyncDispose]();
      throw error;
    }
  }

  async read(name: string, out: Float32Array): Promise<void> {
    const shard = this.#shardOf.get(name);
    if (shard === undefined) throw new UsageError(`expected a tensor of ${this.where}, received ${name}`);
    await this.#shards.get(shard)!.read(name, out);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const shard of this.#shards.values()) await shard[Symbol.asyncDispose]();
  }
}

async function readIndex(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new UsageError(`expected JSON at ${file}: ${(error as Error).message}`, { cause: error });
  }
}

/** Shards of one index at most: the largest published checkpoints have a few hundred. */
const MAX_SHARDS = 4096;

/**
 * Which shard holds which tensor. A shard is a plain file name beside the index: anything that could lead out of the folder
 * is refused.
 *
 * @throws {UsageError} when the index is malformed.
 */
export function parseShardIndex(json: unknown, where: string): ReadonlyMap<string, string> {
  const refuse = (reason: string): never => {
    throw new UsageError(`expected an index of safetensors files at ${where}: ${reason}`);
  };
  const map = typeof json === 'object' && json !== null ? (json as { weight_map?: unknown }).weight_map : undefined;
  if (typeof map !== 'object' || map === null || Array.isArray(map)) return refuse('weight_map is no object');
  const shardOf = new Map<string, string>();
  for (const [name, shard] of Object.entries(map)) {
    if (typeof shard !== 'string' || !/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}\.safetensors$/.test(shard)) {
      return refuse(
        `${name} is in ${JSON.stringify(shard)?.slice(0, 80)}, which is no name of a .safetensors file beside it`,
      );
    }
    shardOf.set(name, shard);
  }
  if (shardOf.size === 0) return refuse('weight_map is empty');
  const shards = new Set(shardOf.values()).size;
  if (shards > MAX_SHARDS) return refuse(`it names ${shards} files`);
  return shardOf;
}

function expectSameNames(
  shardOf: ReadonlyMap<string, string>,
  shards: ReadonlyMap<string, SafetensorsFile>,
  where: string,
): void {
  for (const [name, shard] of shardOf) {
    if (!shards.get(shard)!.tensors.has(name)) {
      throw new UsageError(`expected ${name} in ${shard}, as ${where} says, found no such tensor there`);
    }
  }
  for (const [shard, file] of shards) {
    for (const name of file.tensors.keys()) {
      if (shardOf.get(name) !== shard) {
        throw new UsageError(
          `expected ${where} to place ${name} in ${shard}, where it is, received ${shardOf.get(name)}`,
        );
      }
    }
  }
}
