import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { selectBackend } from './index.js';

/** The parts of jasmine-core that are used here. */
interface JasmineCore {
  boot(): { getEnv(): JasmineEnv; DEFAULT_TIMEOUT_INTERVAL: number };
}
interface JasmineEnv {
  addReporter(reporter: { specDone(result: SpecResult): void }): void;
  configure(options: { random: boolean }): void;
  execute(): Promise<unknown>;
}
interface SpecResult {
  readonly status: 'passed' | 'failed' | 'pending' | 'excluded';
  readonly fullName: string;
  readonly failedExpectations: readonly { readonly message: string }[];
}

/** Environments must be registered before the specs are declared, hence three modules. */
const modules: Readonly<Record<string, string>> = {
  entry: `
    import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops';
    import '@tensorflow/tfjs-core/dist/register_all_gradients';
    import 'op-suite:environments';
    import '@tensorflow/tfjs-core/dist/tests';`,
  environments: `
    import { setTestEnvs } from '@tensorflow/tfjs-core/dist/jasmine_util';
    setTestEnvs([{ name: 'parl', backendName: 'parl', isDataSync: true }]);`,
};

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'parl-mt-op-suite-'));
  for (const method of ['log', 'warn', 'error'] as const) vi.spyOn(console, method).mockImplementation(() => undefined);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

test('tfjs-core’s own op suite passes on backend parl', { timeout: 300_000 }, async () => {
  const bundle = join(directory, 'op-suite.mjs');
  await build({
    entryPoints: ['op-suite:entry'],
    outfile: bundle,
    bundle: true,
    format: 'esm',
    platform: 'node',
    mainFields: ['module', 'main'],
    ignoreAnnotations: true,
    logLevel: 'error',
    banner: { js: "import { createRequire as r } from 'node:module'; const require = r(import.meta.url);" },
    plugins: [
      {
        name: 'op-suite',
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /^op-suite:/ }, ({ path }) => ({ path: path.slice(9), namespace: 'op-suite' }));
          onLoad({ filter: /.*/, namespace: 'op-suite' }, ({ path }) => ({
            contents: modules[path]!,
            resolveDir: import.meta.dirname,
          }));
        },
      },
    ],
  });
  await selectBackend('parl');
  const jasmine = (createRequire(import.meta.url)('jasmine-core') as JasmineCore).boot();
  jasmine.DEFAULT_TIMEOUT_INTERVAL = 60_000;
  const environment = jasmine.getEnv();
  const failures: string[] = [];
  let passed = 0;
  environment.configure({ random: false });
  environment.addReporter({
    specDone({ status, fullName, failedExpectations }) {
      if (status === 'passed') passed += 1;
      if (status === 'failed') failures.push(`${fullName}: ${failedExpectations[0]?.message}`);
    },
  });
  await import(/* @vite-ignore */ pathToFileURL(bundle).href);
  await environment.execute();
  expect(failures).toEqual([]);
  expect(passed).toBeGreaterThan(4000);
});
