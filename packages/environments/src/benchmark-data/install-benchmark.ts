import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type BfclDataConfig, ConfigError, type TauBenchDataConfig, UsageError } from '@parl-mt/schema';
import { bfclCategories, loadBfclTasks } from '../bfcl/load-tasks.js';
import type { BenchmarkName } from '../data-home.js';
import { loadTauWorld, tauDomainsIn, tauSplitsIn } from '../tau-bench/load-world.js';
import { bfclFiles, type DataFiles } from './bfcl-files.js';
import { contentHash } from './content-hash.js';
import type { Fetch } from './download.js';
import { fetchBfcl, fetchTauBench, type HubSource, OFFLINE_HINTS } from './hub.js';
import { openSourceTree, type SourceTree } from './source-tree.js';
import { tauBenchFiles } from './tau-bench-files.js';
import { TAU_BENCH_PINS } from './tau-bench-pins.js';

/** Which data, and from where. */
export type BenchmarkRequest =
  | { readonly benchmark: 'bfcl'; readonly config: BfclDataConfig }
  | { readonly benchmark: 'tau-bench'; readonly config: TauBenchDataConfig };

export interface InstallContext {
  /** Folder that holds one folder per benchmark; see `dataHome`. */
  readonly home: string;
  readonly fetch: Fetch;
  readonly log: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** `<benchmark>.lock.json` beside the data: what was installed, and the hash of each file. */
export interface DataLock {
  readonly benchmark: BenchmarkName;
  readonly source: HubSource | { readonly name: 'path'; readonly path: string };
  /** Path to {@link contentHash}. */
  readonly files: { readonly [path: string]: string };
}

export interface InstalledData {
  readonly folder: string;
  readonly lock: DataLock;
  /** False when the data was there already, and whole. */
  readonly isNew: boolean;
  /** Tasks by category, or by domain and split. */
  readonly tasks: { readonly [set: string]: number };
}

/**
 * Puts the data of a benchmark into the data home. It appears whole or not at all; what was there before stays until then,
 * and where anything is wrong.
 *
 * @throws {UsageError} when the source cannot be reached, lacks the data, or differs from what is pinned or locked.
 */
export async function installBenchmark(request: BenchmarkRequest, context: InstallContext): Promise<InstalledData> {
  const { benchmark, config } = request;
  const folder = join(context.home, benchmark);
  const lockFile = join(context.home, `${benchmark}.lock.json`);
  const locked = readLock(lockFile);
  if (config.from === 'hub' && !config.refresh && locked !== undefined && isInstalled(locked, request, folder)) {
    return { folder, lock: locked, isNew: false, tasks: countTasks(benchmark, folder) };
  }
  const downloads = join(context.home, 'downloads');
  const { tree, source } =
    config.from === 'hub'
      ? await fetchFromHub(request, downloads, context)
      : { tree: openSourceTree(config.from), source: { name: 'path', path: config.from } as const };
  const files = filesOf(benchmark, tree);
  const hashes = new Map(Array.from(files, ([path, content]) => [path, contentHash(path, content)] as const));
  checkPins(request, hashes, context.log);
  if (locked !== undefined && !config.refresh) checkLock(locked, source, hashes, lockFile);
  const lock: DataLock = { benchmark, source, files: Object.fromEntries(hashes) };
  const staging = `${folder}.${process.pid}.tmp`;
  try {
    writeAll(staging, files);
    const tasks = countTasks(benchmark, staging);
    replaceFolder(staging, folder);
    writeWhole(lockFile, `${JSON.stringify(lock, null, 2)}\n`);
    rmSync(downloads, { recursive: true, force: true });
    return { folder, lock, isNew: true, tasks };
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

function filesOf(benchmark: BenchmarkName, tree: SourceTree): DataFiles {
  return benchmark === 'bfcl' ? bfclFiles(tree) : tauBenchFiles(tree);
}

async function fetchFromHub(request: BenchmarkRequest, downloads: string, context: InstallContext) {
  const options = {
    fetch: context.fetch,
    timeoutMs: request.config.timeoutMs,
    signal: context.signal,
    offlineHint: OFFLINE_HINTS[request.benchmark],
  };
  const fetched =
    request.benchmark === 'bfcl'
      ? await fetchBfcl(request.config, downloads, options)
      : await fetchTauBench(request.config, downloads, options);
  context.log(
    `${fetched.source.url}: SHA-256 ${fetched.source.sha256} (checked against: ${fetched.source.checkedAgainst})`,
  );
  return fetched;
}

/** Whether the wanted version is there, with every file as it was when it came. */
function isInstalled(lock: DataLock, request: BenchmarkRequest, folder: string): boolean {
  const wanted = request.benchmark === 'bfcl' ? request.config.version : request.config.commit;
  if (!('version' in lock.source) || lock.source.version !== wanted) return false;
  return Object.entries(lock.files).every(([path, hash]) => {
    const file = join(folder, path);
    return existsSync(file) && contentHash(path, readFileSync(file)) === hash;
  });
}

/**
 * Compares tau-bench files with what is known of the pinned commit.
 *
 * @throws {UsageError} where data of that commit from the hub differs. Data from a path is the user's: told, not refused.
 */
function checkPins(request: BenchmarkRequest, hashes: ReadonlyMap<string, string>, log: (line: string) => void): void {
  if (request.benchmark !== 'tau-bench' || request.config.commit !== TAU_BENCH_PINS.commit) return;
  const pinned = Array.from(hashes).filter(([path]) => TAU_BENCH_PINS.files.has(path));
  const differing = pinned.filter(([path, hash]) => TAU_BENCH_PINS.files.get(path) !== hash).map(([path]) => path);
  if (differing.length > 0 && request.config.from === 'hub') {
    throw new UsageError(
      `expected ${differing.join(', ')} of tau-bench ${TAU_BENCH_PINS.commit} to have the pinned checksum, received others; nothing was installed`,
    );
  }
  const notes = differing.length === 0 ? '' : `; not so: ${differing.join(', ')}`;
  log(
    `${pinned.length - differing.length} of ${hashes.size} files have the checksum pinned for ${TAU_BENCH_PINS.commit}${notes}`,
  );
}

/** @throws {UsageError} where the same version has another content than when it first came. */
function checkLock(
  lock: DataLock,
  source: DataLock['source'],
  hashes: ReadonlyMap<string, string>,
  lockFile: string,
): void {
  const isSameVersion =
    'version' in source &&
    'version' in lock.source &&
    source.version === lock.source.version &&
    source.name === lock.source.name;
  if (!isSameVersion) return;
  const differing = Array.from(hashes.keys()).filter(
    (path) => Object.hasOwn(lock.files, path) && lock.files[path] !== hashes.get(path),
  );
  if (differing.length === 0) return;
  throw new UsageError(
    `expected ${differing.join(', ')} as recorded in ${lockFile}, received others; --refresh accepts them`,
  );
}

/** Loads every task, as a run would. @throws for data that does not have the official shape. */
function countTasks(benchmark: BenchmarkName, folder: string): { [set: string]: number } {
  const counts: { [set: string]: number } = {};
  if (benchmark === 'bfcl') {
    for (const category of bfclCategories(folder)) counts[category] = loadBfclTasks(folder, category).length;
    return counts;
  }
  for (const domain of tauDomainsIn(folder)) {
    const world = loadTauWorld(folder, domain);
    for (const split of tauSplitsIn(folder, domain)) counts[`${domain} ${split}`] = world.tasks(split).length;
  }
  return counts;
}

function writeAll(folder: string, files: DataFiles): void {
  rmSync(folder, { recursive: true, force: true });
  for (const [path, content] of files) {
    const file = join(folder, path);
    if (path.split('/').includes('..'))
      throw new ConfigError(`expected a path inside the data folder, received ${path}`);
    mkdirSync(dirname(file), { recursive: true });
    writeDurably(file, content);
  }
}

function writeDurably(file: string, content: string | Buffer): void {
  const descriptor = openSync(file, 'w');
  try {
    if (typeof content === 'string') writeSync(descriptor, content);
    else writeFileSync(descriptor, content);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function writeWhole(file: string, text: string): void {
  const temporary = `${file}.${process.pid}.tmp`;
  writeDurably(temporary, text);
  renameSync(temporary, file);
}

/** A folder cannot be renamed over another one: the old one steps aside first, and comes back if the new one cannot move. */
function replaceFolder(from: string, to: string): void {
  const aside = `${to}.${process.pid}.old`;
  const hadOld = existsSync(to);
  if (hadOld) renameSync(to, aside);
  try {
    renameSync(from, to);
  } catch (error) {
    if (hadOld) renameSync(aside, to);
    throw error;
  }
  rmSync(aside, { recursive: true, force: true });
}

/** @throws {ConfigError} for a lock file that is none. */
function readLock(file: string): DataLock | undefined {
  if (!existsSync(file)) return undefined;
  try {
    const lock = JSON.parse(readFileSync(file, 'utf8')) as Partial<DataLock> | null;
    if (typeof lock?.source === 'object' && typeof lock.files === 'object') return lock as DataLock;
  } catch {
    // Told below.
  }
  throw new ConfigError(`${file}: expected a lock file of parl-mt data; delete it to fetch anew`);
}
