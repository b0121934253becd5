import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bfclDataConfigSchema, tauBenchDataConfigSchema } from '@parl-mt/schema';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadTauWorld } from '../tau-bench/load-world.js';
import { tinyWorldFolder } from '../tau-bench/tiny-world.testing.js';
import { repositoryOf, wheel } from './benchmark-archives.testing.js';
import { startFileHub } from './hub.testing.js';
import { type BenchmarkRequest, installBenchmark } from './install-benchmark.js';
import { zipOf } from './zip.testing.js';

/** Over real sockets, with the platform's fetch: as `parl-mt data` does it. */
let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'data-home-'));
});
afterEach(() => rmSync(home, { recursive: true }));

function install(request: BenchmarkRequest) {
  return installBenchmark(request, { home, fetch: (url, init) => fetch(url, init), log: () => {} });
}

const WHEEL = 'bfcl_eval-9.9-py3-none-any.whl';
const sha256Of = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

async function packageIndex(bytes = wheel(), sha256 = sha256Of(bytes)) {
  const list = { files: [{ filename: WHEEL, url: `/files/${WHEEL}`, hashes: { sha256 } }] };
  return startFileHub(
    new Map<string, Buffer | string>([
      ['/simple/bfcl-eval/', JSON.stringify(list)],
      [`/files/${WHEEL}`, bytes],
    ]),
  );
}
const bfcl = (url: string, rest = {}): BenchmarkRequest => ({
  benchmark: 'bfcl',
  config: bfclDataConfigSchema.parse({ index: `${url}/simple`, version: '9.9', ...rest }),
});

describe('bfcl from a package index', () => {
  test('is fetched once, and found again without the network', async () => {
    const hub = await packageIndex();
    const request = bfcl(hub.url);
    expect(await install(request)).toMatchObject({ isNew: true, tasks: { base: 1 } });
    expect(hub.requests).toEqual(['/simple/bfcl-eval/', `/files/${WHEEL}`]);
    await hub[Symbol.asyncDispose]();
    expect(await install(request)).toMatchObject({ isNew: false, tasks: { base: 1 } });
    const offline = bfcl(hub.url, { refresh: true });
    await expect(install(offline)).rejects.toThrow(/could not be reached .*pip download --no-deps bfcl-eval/);
    expect(existsSync(join(home, 'bfcl', 'data'))).toBe(true);
  });

  test('that breaks off goes on where it was', async () => {
    await using hub = await packageIndex();
    hub.breaksOff = true;
    await expect(install(bfcl(hub.url))).rejects.toThrow(/the connection was lost; run the command again to continue/);
    expect(existsSync(join(home, 'bfcl'))).toBe(false);
    const have = statSync(join(home, 'downloads', `${WHEEL}.part`)).size;
    expect(have).toBeGreaterThan(0);
    expect(await install(bfcl(hub.url))).toMatchObject({ isNew: true });
    expect(hub.requests.at(-1)).toBe(`/files/${WHEEL} bytes=${have}-`);
    expect(readdirSync(home).sort()).toEqual(['bfcl', 'bfcl.lock.json']);
  });

  test('that is not what the index says installs nothing, and the next run starts afresh', async () => {
    await using hub = await packageIndex(wheel(), '0'.repeat(64));
    for (let run = 0; run < 2; run++) {
      await expect(install(bfcl(hub.url))).rejects.toThrow(
        `expected SHA-256 ${'0'.repeat(64)}, received ${sha256Of(wheel())}; nothing was installed`,
      );
    }
    expect(existsSync(join(home, 'bfcl'))).toBe(false);
    expect(hub.requests.at(-1)).toBe(`/files/${WHEEL}`);
  });

  test('takes as long as it takes while something comes, and no longer', async () => {
    await using hub = await packageIndex();
    hub.pauseMs = 150;
    // Ten pieces: 1.5 s in all, twice.
    expect(await install(bfcl(hub.url, { timeoutMs: 1000 }))).toMatchObject({ isNew: true });
    hub.pauseMs = 2000;
    const hurried = bfcl(hub.url, { timeoutMs: 100, refresh: true });
    await expect(install(hurried)).rejects.toThrow(/nothing came for 100 ms/);
  }, 20_000);
});

describe('tau-bench from an archive host', () => {
  const commit = 'a'.repeat(40);
  const tauBench = (url: string, rest = {}): BenchmarkRequest => ({
    benchmark: 'tau-bench',
    config: tauBenchDataConfigSchema.parse({ archives: url, commit, ...rest }),
  });
  const archiveHost = (worldPath: string) =>
    startFileHub(
      new Map(
        [commit, tauBenchDataConfigSchema.parse({}).commit].map((name) => [
          `/sierra-research/tau-bench/zip/${name}`,
          zipOf(repositoryOf(worldPath)),
        ]),
      ),
    );

  test('is converted, kept, continued, and not fetched again', async () => {
    using world = tinyWorldFolder();
    await using hub = await archiveHost(world.path);
    hub.breaksOff = true;
    await expect(install(tauBench(hub.url))).rejects.toThrow(/the connection was lost.*clone https:/);
    expect(await install(tauBench(hub.url))).toMatchObject({
      isNew: true,
      tasks: { 'airline test': 1, 'retail test': 2 },
    });
    expect(hub.requests[1]).toMatch(/ bytes=\d+-$/);
    expect(await install(tauBench(hub.url))).toMatchObject({ isNew: false });
    expect(hub.requests).toHaveLength(2);
    const task = loadTauWorld(join(home, 'tau-bench'), 'retail').tasks('test')[0]!;
    expect(task.instruction).toBe('You are Ada. Cancel the order #W2; you no longer need it.');
  });

  test('with other data under the pinned commit is refused, and no host at all says how to go on', async () => {
    using world = tinyWorldFolder();
    const hub = await archiveHost(world.path);
    const pinned = tauBench(hub.url, { commit: tauBenchDataConfigSchema.parse({}).commit });
    await expect(install(pinned)).rejects.toThrow(
      /to have the pinned checksum, received others; nothing was installed/,
    );
    await hub[Symbol.asyncDispose]();
    await expect(install(pinned)).rejects.toThrow(
      /could not be reached \(.+\)\. Without a network: clone .* then "parl-mt data tau-bench --from FOLDER"/,
    );
  });
});
