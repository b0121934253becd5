import { existsSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import path from 'node:path';
import { type ListFileEntry, listFiles, modelInfo } from '@huggingface/hub';
import { CancelledError, type HubName, parseHubName, UsageError } from '@parl-mt/schema';
import { CachedModel, COMMIT, hubCacheFolder, isFile, isWanted, missingFiles } from './hub-cache.js';
import { downloadBlob, type ListedFile } from './hub-download.js';

export interface DownloadProgress {
  /** Name in the repository. */
  readonly file: string;
  /** What is there, with what an earlier try has left. */
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export interface HubOptions {
  /** Branch, tag or commit. Default main. */
  readonly revision?: string | undefined;
  /** Only the cache. Default: as the environment variable HF_HUB_OFFLINE says. */
  readonly offline?: boolean | undefined;
  /** Default: HF_HUB_CACHE, or `hub` in HF_HOME, or ~/.cache/huggingface/hub: where other tools keep models too. */
  readonly cacheDir?: string | undefined;
  /** Default: HF_ENDPOINT, or https://huggingface.co. */
  readonly hubUrl?: string | undefined;
  /** For private models; sent to the hub's own address alone. Default: HF_TOKEN. */
  readonly accessToken?: string | undefined;
  /** Default: the global one. Another goes through a proxy, say. */
  readonly fetch?: typeof fetch | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called for each file that is downloaded: at its start, for about each MiB, and at its end. */
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Said once for each file that is downloaded, and where the cache stands in for a hub that does not answer. */
  readonly onLog?: ((message: string) => void) | undefined;
}

/** A model as it lies in the cache. */
export interface HubModel {
  /** Folder with its files; of a GGUF model the file. */
  readonly path: string;
  /** Commit hash. */
  readonly commit: string;
}

/** Where a model's files are. */
export interface ResolvedModel {
  /** A folder, or a GGUF file. */
  readonly path: string;
  /** Commit hash of a model of the hub. */
  readonly revision?: string;
  /** `owner/name` of a model of the hub. */
  readonly id?: string;
}

/**
 * Finds a model: a path that exists is returned as it is, a model of the Hugging Face hub is fetched into the cache.
 *
 * @param source - a folder, a GGUF file, `owner/name`, or `owner/name/FILE.gguf` (FILE may be in a folder of the repository).
 * @throws {UsageError} when it is none of these, and as `fetchHubModel` does.
 * @throws {CancelledError} as `fetchHubModel` does.
 */
export async function resolveModel(source: string, options: HubOptions = {}): Promise<ResolvedModel> {
  if (existsSync(source)) {
    if (!(await isLoadablePath(source))) {
      throw new UsageError(`expected a model folder or a .gguf file at ${source}, found another file`);
    }
    return { path: source };
  }
  const name = parseHubName(source);
  if (name === undefined) {
    throw new UsageError(
      `expected a model folder, a .gguf file, or a model of the hub as owner/name or owner/name/FILE.gguf, received ${JSON.stringify(source)}: there is no such path, and it is no such name`,
    );
  }
  const { path: found, commit } = await fetchHubModel(source, options);
  return { path: found, revision: commit, id: name.id };
}

/**
 * Fetches a model of the Hugging Face hub into the cache, in the layout of Hugging Face's own tools; what is there is not fetched
 * again. A download that was cut off is gone on with, and every file is held to the hash that the hub lists for it.
 *
 * @param name - `owner/name`, or `owner/name/FILE.gguf`.
 * @throws {UsageError} when there is no such model, or no network and the cache does not have it whole: with what to do.
 * @throws {CancelledError} when the signal is aborted; what was loaded stays for the next try.
 */
export async function fetchHubModel(name: string, options: HubOptions = {}): Promise<HubModel> {
  const { revision = 'main', signal } = options;
  const model = parseHubName(name);
  if (model === undefined) {
    throw new UsageError(`expected owner/name or owner/name/FILE.gguf, received ${JSON.stringify(name)}`);
  }
  if (!/^[\w.-]+(?:\/[\w.-]+)*$/.test(revision) || revision.includes('..')) {
    throw new UsageError(
      `expected a branch, tag or commit as revision of ${name}, received ${JSON.stringify(revision)}`,
    );
  }
  const cache = new CachedModel(options.cacheDir ?? hubCacheFolder(), model.id);
  const { missing, ...cached } = await findCached(cache, model, revision);
  const isThere = missing.length === 0;
  if (isThere && COMMIT.test(revision) && (await hasTokenizer(cached.path))) return cached;
  if (options.offline ?? isOfflineByEnvironment()) {
    if (isThere) return cached;
    throw new UsageError(
      `expected ${name} (revision ${revision}) in the cache at ${cache.folder}, since the hub is not to be asked; missing: ${missing.join(', ')}. Fetch it once with a network, or give the path of a folder or .gguf file`,
    );
  }
  const hub = connect(model.id, options);
  try {
    return await download(hub, model, revision, cache, options);
  } catch (error) {
    if (signal?.aborted) throw new CancelledError(`the download of ${name} was cancelled`);
    if (error instanceof UsageError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (FILE_SYSTEM.has(code ?? '')) {
      throw new UsageError(
        `cannot write ${name} to the cache at ${cache.folder}: ${message}. HF_HUB_CACHE names another folder`,
        { cause: error },
      );
    }
    const status = (error as { statusCode?: number }).statusCode;
    if (isThere && (status === undefined || status === 429 || status >= 500)) {
      options.onLog?.(`${hub.hubUrl} does not answer: ${name} is taken from the cache, commit ${cached.commit}`);
      return cached;
    }
    throw new UsageError(explain(name, revision, hub.hubUrl, status, error as Error), { cause: error });
  }
}

/** Errors that are no fault of the hub. */
const FILE_SYSTEM = new Set([
  'EACCES',
  'EDQUOT',
  'EFBIG',
  'EIO',
  'EISDIR',
  'ENOENT',
  'ENOSPC',
  'ENOTDIR',
  'EPERM',
  'EROFS',
]);

/** GGUF files have names of their hashes in the caches of some tools. */
async function isLoadablePath(source: string): Promise<boolean> {
  if ((await stat(source)).isDirectory() || /\.gguf$/i.test(source)) return true;
  const file = await open(source);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
    return bytesRead === 4 && buffer.toString('latin1') === 'GGUF';
  } finally {
    await file.close();
  }
}

interface Cached extends HubModel {
  /** Empty for a model that is there whole. */
  readonly missing: readonly string[];
}

async function findCached(cache: CachedModel, { gguf }: HubName, revision: string): Promise<Cached> {
  const commit = await cache.commitOf(revision);
  if (commit === undefined) return { path: '', commit: '', missing: ['all of it'] };
  const found = path.join(cache.snapshot(commit), gguf ?? '');
  if (gguf === undefined) return { path: found, commit, missing: await missingFiles(found) };
  return { path: found, commit, missing: (await isFile(found)) ? [] : [gguf] };
}

/** Other tools may have fetched the weights alone; then the hub is asked for the rest. Adapters and GGUF files need none. */
async function hasTokenizer(model: string): Promise<boolean> {
  if (!existsSync(path.join(model, 'config.json'))) return true;
  return isFile(path.join(model, 'tokenizer.json'));
}

/** Arguments that every request of the client has. */
interface Hub {
  readonly repo: { readonly type: 'model'; readonly name: string };
  readonly hubUrl: string;
  readonly fetch: typeof fetch;
}

function connect(id: string, options: HubOptions): Hub {
  const hubUrl = (options.hubUrl ?? (process.env['HF_ENDPOINT'] || 'https://huggingface.co')).replace(/\/+$/, '');
  const accessToken = options.accessToken ?? process.env['HF_TOKEN'];
  const { signal, fetch: request = fetch } = options;
  if (!URL.canParse(hubUrl))
    throw new UsageError(`expected the hub's URL (HF_ENDPOINT), received ${JSON.stringify(hubUrl)}`);
  const { origin } = new URL(hubUrl);
  return {
    repo: { type: 'model', name: id },
    hubUrl,
    // The token is given here, not to the client, which would send it to whatever address a next page has.
    fetch: (input, init) => {
      const headers = new Headers(init?.headers);
      const url = input instanceof Request ? input.url : String(input);
      if (accessToken && new URL(url).origin === origin) headers.set('authorization', `Bearer ${accessToken}`);
      return request(input, { ...init, headers, ...(signal && { signal }) });
    },
  };
}

function isOfflineByEnvironment(): boolean {
  return /^(?:1|true|yes|on)$/i.test(process.env['HF_HUB_OFFLINE'] ?? '');
}

function explain(name: string, revision: string, hubUrl: string, status: number | undefined, error: Error): string {
  const wanted = `expected the model ${name} (revision ${revision}) at ${hubUrl} (there is no such path here)`;
  if (status === 401 || status === 403 || status === 404) {
    return `${wanted}, received HTTP ${status}: there is none, or it is private or gated. Check the id; for a private model set HF_TOKEN`;
  }
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : '';
  return `${wanted}: ${error.message}${cause}. What was loaded is gone on with by the next try. Without a network, give the path of a folder or .gguf file, or a model that is in the cache`;
}

async function download(
  hub: Hub,
  model: HubName,
  revision: string,
  cache: CachedModel,
  options: HubOptions,
): Promise<HubModel> {
  const { sha: commit } = await modelInfo({ ...hub, name: model.id, revision, additionalFields: ['sha'] });
  if (typeof commit !== 'string' || !COMMIT.test(commit)) {
    throw new UsageError(
      `expected a commit hash of ${model.id} from ${hub.hubUrl}, received ${JSON.stringify(commit)}`,
    );
  }
  if (COMMIT.test(revision) && commit !== revision) {
    throw new UsageError(`expected commit ${revision} of ${model.id} from ${hub.hubUrl}, received ${commit}`);
  }
  const folder = path.posix.dirname(model.gguf ?? '');
  const listed: ListFileEntry[] = [];
  for await (const entry of listFiles({ ...hub, revision: commit, ...(folder === '.' ? {} : { path: folder }) })) {
    if (entry.type === 'file') listed.push(entry);
  }
  const files = wantedFiles(listed, model, hub);
  for (const file of files) await fetchFile(hub, commit, file, cache, options);
  const snapshot = cache.snapshot(commit);
  const missing = model.gguf === undefined ? await missingFiles(snapshot) : [];
  if (missing.length > 0) {
    throw new UsageError(
      `expected ${missing.join(', ')} in ${model.id} (commit ${commit}) at ${hub.hubUrl}, there is none`,
    );
  }
  await cache.remember(revision, commit);
  return { path: path.join(snapshot, model.gguf ?? ''), commit };
}

/** Those that are fetched; that there can be a model in them is known before the first byte. */
function wantedFiles(listed: readonly ListFileEntry[], { id, gguf }: HubName, hub: Hub): readonly ListedFile[] {
  const names = listed.map((entry) => entry.path);
  const has = (...wanted: string[]) => wanted.every((name) => names.includes(name));
  const ggufs = names.filter((name) => name.endsWith('.gguf'));
  if (gguf !== undefined && !has(gguf)) {
    throw new UsageError(
      `expected ${gguf} in ${id} at ${hub.hubUrl}, found ${ggufs.join(', ') || 'no .gguf file there'}`,
    );
  }
  const isModel =
    has('config.json', 'model.safetensors') ||
    has('config.json', 'model.safetensors.index.json') ||
    has('adapter_config.json', 'adapter_model.safetensors');
  if (gguf === undefined && !isModel) {
    const found =
      ggufs.length > 0
        ? `GGUF files: name one, as ${ggufs.map((name) => `${id}/${name}`).join(' or ')}`
        : names.filter(isWanted).join(', ') || 'none of the files that are read';
    throw new UsageError(`expected config.json and safetensors weights (or a PEFT adapter) in ${id}, found ${found}`);
  }
  const wanted = listed.filter((entry) => (gguf === undefined ? isWanted(entry.path) : entry.path === gguf));
  // Configurations last: a folder without one is no model.
  const isLast = (entry: ListFileEntry) => Number(/^(?:adapter_)?config\.json$/.test(entry.path));
  return wanted.sort((a, b) => isLast(a) - isLast(b)).map((entry) => listedFile(entry, hub));
}

function listedFile({ path: name, size, lfs, oid }: ListFileEntry, hub: Hub): ListedFile {
  const hash = lfs?.oid ?? oid ?? '';
  const sizeBytes = lfs?.size ?? size;
  if (typeof hash !== 'string' || !/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(hash)) {
    throw new UsageError(`expected a SHA hash of ${name} from ${hub.hubUrl}, received ${JSON.stringify(hash)}`);
  }
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) {
    throw new UsageError(`expected the size of ${name} from ${hub.hubUrl}, received ${JSON.stringify(sizeBytes)}`);
  }
  return { path: name, sizeBytes, hash };
}

async function fetchFile(
  hub: Hub,
  commit: string,
  file: ListedFile,
  cache: CachedModel,
  { onLog, onProgress }: HubOptions,
): Promise<void> {
  const target = path.join(cache.snapshot(commit), file.path);
  if (await isFile(target)) return;
  const name = file.path.split('/').map(encodeURIComponent).join('/');
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  await downloadBlob(cache.blobs, file, {
    request: (headers) => hub.fetch(`${hub.hubUrl}/${hub.repo.name}/resolve/${commit}/${name}`, { headers }),
    onStart: (doneBytes) =>
      onLog?.(`${file.path}, ${megabytes(file.sizeBytes)}${doneBytes > 0 ? `, from ${megabytes(doneBytes)} on` : ''}`),
    onProgress: onProgress && ((doneBytes) => onProgress({ file: file.path, doneBytes, totalBytes: file.sizeBytes })),
  });
  await cache.link(path.join(cache.blobs, file.hash), target);
}
