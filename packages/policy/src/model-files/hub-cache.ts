import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, rename, stat, symlink } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { writeAtomically } from '../write-atomically.js';
import { INDEX_FILE, WEIGHTS_FILE } from './sharded-safetensors.js';

export const COMMIT = /^[0-9a-f]{40}$/;

/** What loading reads, in the top folder of a repository: never code, never pickles. */
const WANTED =
  /^(?:(?:config|generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab|chat_template|adapter_config)\.json|merges\.txt|chat_template\.jinja|adapter_model\.safetensors|model(?:-\d+-of-\d+)?\.safetensors|model\.safetensors\.index\.json)$/;

/** Whether a file of a repository is one that loading a folder reads. Names with a folder in them are none. */
export function isWanted(name: string): boolean {
  return WANTED.test(name);
}

/** HF_HUB_CACHE, or `hub` in HF_HOME, or ~/.cache/huggingface/hub: where Hugging Face's tools keep models. */
export function hubCacheFolder(): string {
  const { HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME } = process.env;
  if (HF_HUB_CACHE) return HF_HUB_CACHE;
  const home = HF_HOME || path.join(XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'huggingface');
  return path.join(home, 'hub');
}

/** What the cache has of one model: `blobs` by hash, `snapshots` by commit with links to them, `refs` from branches to commits. */
export class CachedModel {
  readonly folder: string;

  /** @param id - `owner/name`. */
  constructor(cacheDir: string, id: string) {
    this.folder = path.join(cacheDir, `models--${id.replace('/', '--')}`);
  }

  get blobs(): string {
    return path.join(this.folder, 'blobs');
  }

  snapshot(commit: string): string {
    return path.join(this.folder, 'snapshots', commit);
  }

  /** Commit that a revision was when it was last asked for. */
  async commitOf(revision: string): Promise<string | undefined> {
    if (COMMIT.test(revision)) return revision;
    const commit = await readFile(path.join(this.folder, 'refs', revision), 'utf8').catch(() => '');
    return COMMIT.test(commit.trim()) ? commit.trim() : undefined;
  }

  async remember(revision: string, commit: string): Promise<void> {
    if (revision === commit) return;
    const ref = path.join(this.folder, 'refs', revision);
    await mkdir(path.dirname(ref), { recursive: true });
    await writeAtomically(ref, [commit]);
  }

  /** A relative link, as Hugging Face's tools make them; a copy where the file system has no links. */
  async link(blob: string, target: string): Promise<void> {
    const temporary = `${target}.${randomUUID()}.tmp`;
    await mkdir(path.dirname(target), { recursive: true });
    try {
      await symlink(path.relative(path.dirname(target), blob), temporary);
    } catch {
      await copyFile(blob, temporary);
    }
    // In one step: another process may read the link of an equal file that lies there.
    await rename(temporary, target);
  }
}

/**
 * Files without which a snapshot is no model that can be loaded: of configuration and weights (all shards that the index names), or
 * of an adapter. Empty when none is missing.
 */
export async function missingFiles(folder: string): Promise<readonly string[]> {
  const lacks = (names: readonly string[]) => names.filter((name) => !existsSync(path.join(folder, name)));
  if (lacks(['adapter_config.json']).length === 0) return lacks(['adapter_model.safetensors']);
  const config = lacks(['config.json']);
  if (lacks([WEIGHTS_FILE]).length === 0) return config;
  if (lacks([INDEX_FILE]).length > 0) return [...config, WEIGHTS_FILE];
  const shards = await shardNames(path.join(folder, INDEX_FILE));
  return [...config, ...(shards === undefined ? [`shards that ${INDEX_FILE} names`] : lacks(shards))];
}

/** Undefined for an index that names no files, or such as are never fetched. */
async function shardNames(index: string): Promise<readonly string[] | undefined> {
  try {
    const { weight_map: shardOf } = JSON.parse(await readFile(index, 'utf8')) as {
      weight_map: Record<string, unknown>;
    };
    const shards = [...new Set(Object.values(shardOf))];
    const areWanted = shards.every((shard): shard is string => typeof shard === 'string' && isWanted(shard));
    return areWanted && shards.length > 0 ? shards : undefined;
  } catch {
    return undefined;
  }
}

/** Whether there is a file behind the name; a link to nothing is none. */
export async function isFile(file: string): Promise<boolean> {
  return stat(file).then(
    (found) => found.isFile(),
    () => false,
  );
}
