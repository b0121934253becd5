import { createHash, type Hash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, readFileSync } from 'node:fs';
import { copyFile, lstat, mkdir, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { downloadFile, type ListFileEntry, listFiles, modelInfo } from '@huggingface/hub';
import { CancelledError, UsageError } from '@parl-mt/schema';
import { writeAtomically } from '../write-atomically.js';
import { INDEX_FILE, WEIGHTS_FILE } from './sharded-safetensors.js';

export interface HubOptions {
  /** Branch, tag or commit. Default main. */
  readonly revision?: string | undefined;
  /** Only the cache. Default: as the environment variable HF_HUB_OFFLINE says. */
  readonly offline?: boolean | undefined;
  /** Default: HF_HUB_CACHE, or `hub` in HF_HOME, or ~/.cache/huggingface/hub: where other tools keep models too. */
  readonly cacheDir?: string | undefined;
  /** Default: HF_ENDPOINT, or https://huggingface.co. */
  readonly hubUrl?: string | undefined;
  /** For private models. Default: HF_TOKEN. */
  readonly accessToken?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Said once for each file that is downloaded, and where the cache stands in for a hub that does not answer. */
  readonly onLog?: ((message: string) => void) | undefined;
}

/** A model as it lies in the cache. */
export interface HubModel {
  /** Folder with its files. */
  readonly path: string;
  /** Commit hash. */
  readonly commit: string;
}

/** What loading reads, in the top folder of a repository: never code, never pickles. */
const WANTED =
  /^(?:(?:config|generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab|chat_template|adapter_config)\.json|merges\.txt|chat_template\.jinja|adapter_model\.safetensors|model(?:-\d{5}-of-\d{5})?\.safetensors|model\.safetensors\.index\.json)$/;
const COMMIT = /^[0-9a-f]{40}$/;

/**
 * Fetches a model of the Hugging Face hub into the cache, in the layout of Hugging Face's own tools; what is there is not fetched
 * again. A download that was cut off is gone on with, and every file is held to the hash that the hub lists for it.
 *
 * @param id - `owner/name`.
 * @throws {UsageError} when there is no such model, or no network and the cache does not have it whole: with what to do.
 * @throws {CancelledError} when the signal is aborted; what was loaded stays for the next try.
 */
export async function fetchHubModel(id: string, options: HubOptions = {}): Promise<HubModel> {
  const { revision = 'main', signal } = options;
  if (!/^[\w.-]+(?:\/[\w.-]+)*$/.test(revision) || revision.includes('..')) {
    throw new UsageError(`expected a branch, tag or commit as revision of ${id}, received ${JSON.stringify(revision)}`);
  }
  const store = path.join(options.cacheDir ?? hubCacheFolder(), `models--${id.replace('/', '--')}`);
  const cached = await cachedModel(store, revision);
  if (cached !== undefined && COMMIT.test(revision)) return cached;
  if (options.offline ?? isOfflineByEnvironment()) {
    if (cached !== undefined) return cached;
    throw new UsageError(
      `expected ${id} (revision ${revision}) in the cache at ${store}, since the hub is not to be asked; it is not there as a whole. Fetch it once with a network, or give the path of a folder`,
    );
  }
  const accessToken = options.accessToken ?? process.env['HF_TOKEN'];
  const hub: Hub = {
    repo: { type: 'model', name: id },
    hubUrl: options.hubUrl ?? process.env['HF_ENDPOINT'] ?? 'https://huggingface.co',
    fetch: (input, init) => fetch(input, { ...init, ...(signal && { signal }) }),
    ...(accessToken ? { accessToken } : {}),
  };
  try {
    return await download(hub, id, revision, store, options);
  } catch (error) {
    if (signal?.aborted) throw new CancelledError(`the download of ${id} was cancelled`);
    if (error instanceof UsageError) throw error;
    const status = (error as { statusCode?: number }).statusCode;
    if (status === undefined && cached !== undefined) {
      options.onLog?.(`${hub.hubUrl} does not answer: ${id} is taken from the cache, commit ${cached.commit}`);
      return cached;
    }
    throw new UsageError(explain(id, revision, hub.hubUrl, status, error as Error), { cause: error });
  }
}

/** Arguments that every request has. */
interface Hub {
  readonly repo: { readonly type: 'model'; readonly name: string };
  readonly hubUrl: string;
  readonly fetch: typeof fetch;
  readonly accessToken?: string;
}

function hubCacheFolder(): string {
  const { HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME } = process.env;
  if (HF_HUB_CACHE) return HF_HUB_CACHE;
  const home = HF_HOME || path.join(XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'huggingface');
  return path.join(home, 'hub');
}

function isOfflineByEnvironment(): boolean {
  return /^(?:1|true|yes|on)$/i.test(process.env['HF_HUB_OFFLINE'] ?? '');
}

function explain(id: string, revision: string, hubUrl: string, status: number | undefined, error: Error): string {
  const wanted = `expected the model ${id} (revision ${revision}) at ${hubUrl}`;
  if (status === 401 || status === 403 || status === 404) {
    return `${wanted}, received HTTP ${status}: there is none, or it is private or gated. Check the id; for a private model set HF_TOKEN`;
  }
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : '';
  return `${wanted}: ${error.message}${cause}. Without a network, give the path of a folder or .gguf file, or a model that is in the cache`;
}

async function download(hub: Hub, id: string, revision: string, store: string, options: HubOptions): Promise<HubModel> {
  const { sha: commit } = await modelInfo({ ...hub, name: id, revision, additionalFields: ['sha'] });
  if (typeof commit !== 'string' || !COMMIT.test(commit)) {
    throw new UsageError(`expected a commit hash of ${id} from ${hub.hubUrl}, received ${JSON.stringify(commit)}`);
  }
  const files: ListFileEntry[] = [];
  for await (const entry of listFiles({ ...hub, revision: commit })) {
    if (entry.type === 'file' && WANTED.test(entry.path)) files.push(entry);
  }
  const snapshot = path.join(store, 'snapshots', commit);
  await mkdir(snapshot, { recursive: true });
  // The configuration last: a folder without it is no model.
  files.sort((a, b) => Number(a.path === 'config.json') - Number(b.path === 'config.json'));
  for (const file of files) await fetchFile(hub, commit, file, store, snapshot, options);
  if (!(await isComplete(snapshot))) {
    throw new UsageError(
      `expected config.json and safetensors weights (or a PEFT adapter) in ${id}, found ${files.map((file) => file.path).join(', ') || 'none of the files that are read'}`,
    );
  }
  if (revision !== commit) {
    const ref = path.join(store, 'refs', revision);
    await mkdir(path.dirname(ref), { recursive: true });
    await writeAtomically(ref, [commit]);
  }
  return { path: snapshot, commit };
}

async function fetchFile(
  hub: Hub,
  commit: string,
  file: ListFileEntry,
  store: string,
  snapshot: string,
  { onLog }: HubOptions,
): Promise<void> {
  const target = path.join(snapshot, file.path);
  if (await exists(target)) return;
  const hash = file.lfs?.oid ?? file.oid ?? '';
  if (!/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(hash)) {
    throw new UsageError(`expected a SHA hash of ${file.path} from ${hub.hubUrl}, received ${JSON.stringify(hash)}`);
  }
  const blobs = path.join(store, 'blobs');
  await mkdir(blobs, { recursive: true });
  const blob = path.join(blobs, hash);
  if (!existsSync(blob)) {
    const part = await claimPart(blobs, hash);
    const before = await sizeOf(part);
    const megabytes = (file.size / 1e6).toFixed(1);
    onLog?.(`${file.path}, ${megabytes} MB${before > 0 ? `, from ${(before / 1e6).toFixed(1)} MB on` : ''}`);
    if (before > file.size) await rm(part);
    const from = before > file.size ? 0 : before;
    if (from < file.size || file.size === 0) {
      const content = await downloadFile({ ...hub, path: file.path, revision: commit });
      if (content === null) throw new UsageError(`expected ${file.path} at ${hub.hubUrl}, there is none`);
      // The library's blobs load what is read of them: a slice asks for its range alone.
      const rest = from === 0 ? content : content.slice(from, file.size);
      await pipeline(
        Readable.fromWeb(rest.stream() as Parameters<typeof Readable.fromWeb>[0]),
        createWriteStream(part, { flags: 'a' }),
      );
    }
    const received = await hashOf(part, file, hash.length);
    if (received !== hash) {
      await rm(part, { force: true });
      throw new UsageError(
        `expected ${file.path} with hash ${hash} from ${hub.hubUrl}, received ${received}: it was removed, try again`,
      );
    }
    await rename(part, blob);
  }
  await linkTo(blob, target);
}

/**
 * The name that this process writes a file under. What a process that is gone has left of the same file is taken over; two that are
 * alive do not write into one.
 */
async function claimPart(blobs: string, hash: string): Promise<string> {
  const own = path.join(blobs, `${hash}.${process.pid}.incomplete`);
  for (const name of await readdir(blobs)) {
    const [, pid] = new RegExp(`^${hash}\\.(\\d+)\\.incomplete$`).exec(name) ?? [];
    if (pid === undefined || Number(pid) === process.pid || isAlive(Number(pid))) continue;
    try {
      await rename(path.join(blobs, name), own);
      return own;
    } catch {
      // Another process was faster.
    }
  }
  return own;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM';
  }
}

/** As the hub names files: SHA-256 of a large file, Git's hash of a small one. */
async function hashOf(file: string, { size }: ListFileEntry, digits: number): Promise<string> {
  let hash: Hash;
  if (digits === 64) hash = createHash('sha256');
  else hash = createHash('sha1').update(`blob ${size}\0`);
  for await (const piece of createReadStream(file)) hash.update(piece as Buffer);
  return hash.digest('hex');
}

/** A relative link, as Hugging Face's tools make them; a copy where the file system has no links. */
async function linkTo(blob: string, target: string): Promise<void> {
  await rm(target, { force: true });
  try {
    await symlink(path.relative(path.dirname(target), blob), target);
  } catch (error) {
    if ((error as { code?: string }).code === 'EEXIST') return;
    await copyFile(blob, `${target}.${process.pid}.tmp`);
    await rename(`${target}.${process.pid}.tmp`, target);
  }
}

/** What the cache has of a revision, if all of it is there. */
async function cachedModel(store: string, revision: string): Promise<HubModel | undefined> {
  let commit = revision;
  if (!COMMIT.test(revision)) {
    try {
      commit = readFileSync(path.join(store, 'refs', revision), 'utf8').trim();
    } catch {
      return undefined;
    }
  }
  const snapshot = path.join(store, 'snapshots', commit);
  return COMMIT.test(commit) && (await isComplete(snapshot)) ? { path: snapshot, commit } : undefined;
}

/** Configuration and weights, all shards that the index names among them; or an adapter. */
async function isComplete(folder: string): Promise<boolean> {
  const has = (name: string) => exists(path.join(folder, name));
  if ((await has('adapter_config.json')) && (await has('adapter_model.safetensors'))) return true;
  if (!(await has('config.json'))) return false;
  if (await has(WEIGHTS_FILE)) return true;
  if (!(await has(INDEX_FILE))) return false;
  try {
    const index: unknown = JSON.parse(await readFile(path.join(folder, INDEX_FILE), 'utf8'));
    const shards = new Set(Object.values((index as { weight_map: Record<string, string> }).weight_map));
    for (const shard of shards) if (!WANTED.test(shard) || !(await has(shard))) return false;
    return shards.size > 0;
  } catch {
    return false;
  }
}

/** Whether there is a file behind the name; a link to nothing is none. */
async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    (found) => found.isFile(),
    () => false,
  );
}

async function sizeOf(file: string): Promise<number> {
  return lstat(file).then(
    (found) => found.size,
    () => 0,
  );
}
