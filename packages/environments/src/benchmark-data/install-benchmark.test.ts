import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { bfclDataConfigSchema, tauBenchDataConfigSchema, UsageError } from '@parl-mt/schema';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readJson } from '../bfcl/python/json-reader.js';
import { pyRepr } from '../bfcl/python/render.js';
import { loadTauWorld } from '../tau-bench/load-world.js';
import { tinyWorldFolder } from '../tau-bench/tiny-world.testing.js';
import { repositoryOf, wheel } from './benchmark-archives.testing.js';
import type { Fetch } from './download.js';
import { type InstallContext, installBenchmark } from './install-benchmark.js';
import { zipOf } from './zip.testing.js';

let home: string;
let logged: string[];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'data-home-'));
  logged = [];
});
afterEach(() => rmSync(home, { recursive: true }));

function context(fetch: Fetch = offline): InstallContext {
  return { home, fetch, log: (line) => void logged.push(line) };
}
const offline: Fetch = () => Promise.reject(new TypeError('fetch failed', { cause: new Error('no network') }));

const bfcl = (config: object) => ({ benchmark: 'bfcl' as const, config: bfclDataConfigSchema.parse(config) });
const tauBench = (config: object) => ({
  benchmark: 'tau-bench' as const,
  config: tauBenchDataConfigSchema.parse(config),
});

/** A package index with one wheel. */
function index(bytes: Buffer, sha256 = createHash('sha256').update(bytes).digest('hex')): Fetch {
  return async (url) => {
    if (url === 'http://index.test/simple/bfcl-eval/') {
      const file = { filename: 'bfcl_eval-9.9-py3-none-any.whl', url: '../../f/w.whl', hashes: { sha256 } };
      return Response.json({ files: [file] });
    }
    expect(url).toBe('http://index.test/f/w.whl');
    return new Response(bytes);
  };
}
const fromIndex = { index: 'http://index.test/simple', version: '9.9' };

test('a wheel is fetched, checked, unpacked, locked, and not fetched again', async () => {
  const installed = await installBenchmark(bfcl(fromIndex), context(index(wheel())));
  expect(installed).toMatchObject({
    isNew: true,
    tasks: { base: 1 },
    lock: { source: { version: '9.9', checkedAgainst: 'registry' } },
  });
  expect(readdirSync(join(home, 'bfcl', 'data')).sort()).toEqual([
    'BFCL_v4_multi_turn_base.json',
    'multi_turn_func_doc',
    'possible_answer',
  ]);
  expect(readdirSync(home).sort()).toEqual(['bfcl', 'bfcl.lock.json']);
  expect((await installBenchmark(bfcl(fromIndex), context())).isNew).toBe(false);
});

test('a damaged file is mended from the hub', async () => {
  await installBenchmark(bfcl(fromIndex), context(index(wheel())));
  const file = join(home, 'bfcl', 'data', 'BFCL_v4_multi_turn_base.json');
  const before = readFileSync(file, 'utf8');
  writeFileSync(file, before.slice(0, 20));
  expect((await installBenchmark(bfcl(fromIndex), context(index(wheel())))).isNew).toBe(true);
  expect(readFileSync(file, 'utf8')).toBe(before);
});

test('a wrong checksum, and the same version with another content, install nothing', async () => {
  await expect(installBenchmark(bfcl(fromIndex), context(index(wheel(), '0'.repeat(64))))).rejects.toThrow(
    /expected SHA-256 0{64}, received [0-9a-f]{64}; nothing was installed/,
  );
  expect(existsSync(join(home, 'bfcl'))).toBe(false);
  await installBenchmark(bfcl(fromIndex), context(index(wheel())));
  rmSync(join(home, 'bfcl'), { recursive: true });
  const changed = context(index(wheel('pwd()')));
  await expect(installBenchmark(bfcl(fromIndex), changed)).rejects.toThrow(
    /possible_answer.* as recorded in .*--refresh/,
  );
  expect((await installBenchmark(bfcl({ ...fromIndex, refresh: true }), changed)).isNew).toBe(true);
});

test('an unknown version lists the latest, an unreachable hub says how to go on', async () => {
  await expect(installBenchmark(bfcl({ ...fromIndex, version: '1.0' }), context(index(wheel())))).rejects.toThrow(
    /expected a wheel of bfcl-eval 1\.0, there is none; latest: 9\.9/,
  );
  await expect(installBenchmark(bfcl({}), context())).rejects.toThrow(/pip download --no-deps bfcl-eval/);
  const request = tauBench({});
  await expect(installBenchmark(request, context())).rejects.toThrow(
    /could not be reached \(no network\)\. Without a network: clone .* then "parl-mt data tau-bench --from FOLDER"/,
  );
});

test('a folder that was laid out before is taken as it is', async () => {
  using world = tinyWorldFolder();
  const installed = await installBenchmark(tauBench({ from: world.path }), context());
  expect(installed.tasks).toEqual({ 'airline test': 1, 'retail test': 2 });
  expect(logged.join('\n')).toMatch(/0 of \d+ files have the checksum pinned .*; not so: airline\/wiki\.md/);
  expect(readFileSync(join(home, 'tau-bench', 'retail', 'orders.json'), 'utf8')).toContain('25.0');
});

test('the repository’s Python becomes the same data, from a folder, an archive and the hub', async () => {
  using world = tinyWorldFolder();
  await installBenchmark(tauBench({ from: world.path }), context());
  const snapshot = (name: string) => readFileSync(join(home, 'tau-bench', name), 'utf8');
  const names = [
    'retail/tasks_test.json',
    'retail/tools.json',
    'airline/rules.json',
    'airline/flights.json',
    'retail/wiki.md',
  ];
  const said = (name: string) => (name.endsWith('.json') ? pyRepr(readJson(snapshot(name))) : snapshot(name));
  const expected = names.map(said);

  const repository = repositoryOf(world.path);
  const checkout = join(home, 'checkout');
  for (const [path, text] of repository) {
    const file = join(checkout, path.replace('tau-bench-abc/', ''));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  expect((await installBenchmark(tauBench({ from: checkout }), context())).tasks).toEqual({
    'airline test': 1,
    'retail test': 2,
  });
  expect(names.map(said)).toEqual(expected);

  const archive = join(home, 'r.zip');
  writeFileSync(archive, zipOf(repository));
  await installBenchmark(tauBench({ from: archive }), context());
  expect(names.map(said)).toEqual(expected);

  const commit = 'a'.repeat(40);
  const hub: Fetch = async (url) => {
    expect(url).toBe(`http://hub.test/sierra-research/tau-bench/zip/${commit}`);
    return new Response(zipOf(repository));
  };
  const fetched = await installBenchmark(tauBench({ archives: 'http://hub.test/', commit }), context(hub));
  expect(fetched.lock.source).toMatchObject({ version: commit, checkedAgainst: 'nothing' });
  expect(names.map(said)).toEqual(expected);
});

test('another content under the pinned commit is refused, and what was there stays', async () => {
  using world = tinyWorldFolder();
  await installBenchmark(tauBench({ from: world.path }), context());
  const hub: Fetch = async () => new Response(zipOf(repositoryOf(world.path)));
  await expect(installBenchmark(tauBench({}), context(hub))).rejects.toThrow(
    /pinned checksum, received others; nothing was/,
  );
  expect(loadTauWorld(home, 'retail').tasks('test')).toHaveLength(2);
});

test('folders and files without such data are refused', async () => {
  await expect(installBenchmark(tauBench({ from: '/nonexistent' }), context())).rejects.toThrow(UsageError);
  await expect(installBenchmark(tauBench({ from: home }), context())).rejects.toThrow(/expected tau-bench data in/);
  await expect(installBenchmark(bfcl({ from: home }), context())).rejects.toThrow(/expected BFCL data in/);
  writeFileSync(join(home, 'x.zip'), 'no archive');
  await expect(installBenchmark(bfcl({ from: join(home, 'x.zip') }), context())).rejects.toThrow(
    /expected a ZIP archive/,
  );
});
