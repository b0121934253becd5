import { join } from 'node:path';
import { tinyWorldFolder } from '@parl-mt/environments/testing';
import { afterEach, expect, test, vi } from 'vitest';
import { testHost } from './host.testing.js';
import { runEvaluateTauBench } from './jobs/evaluate-tau-bench.js';
import { runCli } from './run-cli.js';

afterEach(() => void vi.unstubAllEnvs());

test('data from a path is installed, and runs find it without a flag', async () => {
  using world = tinyWorldFolder();
  using host = testHost({ evaluate: async () => runEvaluateTauBench });
  vi.stubEnv('PARL_MT_DATA_HOME', join(host.cwd, 'home'));
  expect(await runCli(['data', 'tau-bench', '--from', world.path], host), host.stderr.text).toBe(0);
  expect(host.stdout.text).toMatch(
    /^installed: .* in .*home\/tau-bench\n {2}airline test +1 tasks\n {2}retail test +2 tasks\n$/,
  );
  const args = ['eval', '--policy.kind', 'ground-truth', '--benchmark', 'tau-bench', '--out', 'run'];
  expect(await runCli(args, host), host.stderr.text).toBe(0);
  expect(host.stdout.text).toContain('average reward   100.0%');
});

test('a hub that cannot be reached is told in one line, with what to do', async () => {
  using host = testHost();
  vi.stubEnv('PARL_MT_DATA_HOME', join(host.cwd, 'home'));
  const args = ['data', 'tau-bench', '--archives', 'http://127.0.0.1:9', '--timeout-ms', '2000'];
  expect(await runCli(args, host)).toBe(2);
  expect(host.stderr.text).toMatch(/^http:\/\/127\.0\.0\.1:9\/.*could not be reached .*--from FOLDER"\.\n$/);
});

test('versions and commits that are none are refused before anything is fetched', async () => {
  for (const args of [
    ['data', 'bfcl', '--package-version', '../x'],
    ['data', 'tau-bench', '--commit', 'main'],
  ]) {
    using host = testHost();
    expect(await runCli(args, host)).toBe(2);
    expect(host.stderr.text).toMatch(/expected (a version number|40 hex digits)/);
  }
});
