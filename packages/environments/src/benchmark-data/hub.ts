import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BfclDataConfig, type TauBenchDataConfig, UsageError } from '@parl-mt/schema';
import { type DownloadOptions, download, fetchJson } from './download.js';
import { type SourceTree, zipTree } from './source-tree.js';

/** Where fetched data came from. */
export interface HubSource {
  readonly name: string;
  readonly version: string;
  readonly url: string;
  /** SHA-256 of the archive. */
  readonly sha256: string;
  /** Who vouches for that checksum. */
  readonly checkedAgainst: 'pinned' | 'registry' | 'nothing';
}

export interface HubFetch {
  readonly tree: SourceTree;
  readonly source: HubSource;
}

const BFCL_PACKAGE = 'bfcl-eval';
/** SHA-256 of wheels that were looked at: version to hash. */
const KNOWN_WHEELS: ReadonlyMap<string, string> = new Map([
  ['2026.3.23', '3bb6dfa5f0c68ad403c9ec50b00db2bb3b4cc9b38ab1ff33f48fe30d853d3a0a'],
]);
const SIMPLE_JSON = 'application/vnd.pypi.simple.v1+json';

const TAU_BENCH_REPOSITORY = 'sierra-research/tau-bench';

/** What to do on a machine that the hub cannot be reached from. */
export const OFFLINE_HINTS = {
  bfcl: `Without a network: "pip download --no-deps ${BFCL_PACKAGE}" elsewhere, then "parl-mt data bfcl --from FILE.whl".`,
  'tau-bench': `Without a network: clone https://github.com/${TAU_BENCH_REPOSITORY} elsewhere, then "parl-mt data tau-bench --from FOLDER".`,
} as const;

/**
 * The wheel of bfcl-eval from a Python package index.
 *
 * @param folder - for the archive, kept while it is incomplete.
 * @throws {UsageError} for an unreachable index, an unknown version, or a checksum that does not fit.
 */
export async function fetchBfcl(config: BfclDataConfig, folder: string, options: DownloadOptions): Promise<HubFetch> {
  const { version } = config;
  const index = `${config.index.replace(/\/+$/, '')}/${BFCL_PACKAGE}/`;
  const files = wheelsOf(await fetchJson(index, SIMPLE_JSON, options));
  const wheel = files.find(({ filename }) => filename.startsWith(`bfcl_eval-${version}-`));
  if (wheel === undefined) {
    const versions = files.map(({ filename }) => filename.split('-')[1]).slice(-5);
    throw new UsageError(
      `${index}: expected a wheel of ${BFCL_PACKAGE} ${version}, there is none; latest: ${versions.join(', ') || 'none'}`,
    );
  }
  const url = new URL(wheel.url, index).href;
  const known = KNOWN_WHEELS.get(version);
  const expected = known ?? wheel.sha256;
  const file = join(folder, wheel.filename);
  const sha256 = await download(url, file, options);
  if (expected !== undefined && sha256 !== expected) {
    throw new UsageError(`${url}: expected SHA-256 ${expected}, received ${sha256}; nothing was installed`);
  }
  const checkedAgainst = known !== undefined ? 'pinned' : expected !== undefined ? 'registry' : 'nothing';
  return {
    tree: zipTree(readFileSync(file), wheel.filename),
    source: { name: BFCL_PACKAGE, version, url, sha256, checkedAgainst },
  };
}

interface WheelFile {
  readonly filename: string;
  readonly url: string;
  readonly sha256: string | undefined;
}

/** Wheels of a package as the index lists them (PEP 691). */
function wheelsOf(index: unknown): WheelFile[] {
  const files = (index as { files?: unknown } | null)?.files;
  if (!Array.isArray(files)) throw new UsageError('expected a package index that answers in JSON (PEP 691)');
  return files.flatMap((file: { filename?: unknown; url?: unknown; hashes?: { sha256?: unknown } }) => {
    const { filename, url, hashes } = file;
    if (typeof filename !== 'string' || typeof url !== 'string' || !/^[\w.+-]+\.whl$/.test(filename)) return [];
    return [{ filename, url, sha256: typeof hashes?.sha256 === 'string' ? hashes.sha256 : undefined }];
  });
}

/** A source archive of the tau-bench repository. Its bytes are not pinned: what it holds is checked file by file. */
export async function fetchTauBench(
  config: TauBenchDataConfig,
  folder: string,
  options: DownloadOptions,
): Promise<HubFetch> {
  const { commit } = config;
  const url = `${config.archives.replace(/\/+$/, '')}/${TAU_BENCH_REPOSITORY}/zip/${commit}`;
  const file = join(folder, `tau-bench-${commit}.zip`);
  const sha256 = await download(url, file, options);
  return {
    tree: zipTree(readFileSync(file), `${TAU_BENCH_REPOSITORY}@${commit}`),
    source: { name: TAU_BENCH_REPOSITORY, version: commit, url, sha256, checkedAgainst: 'nothing' },
  };
}
