import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { type BackendName, selectBackend } from './select-backend.js';

/** What became of the specs of one backend. */
export interface OpSuiteResult {
  readonly passed: number;
  /** Specs that the suite itself excludes or marks as pending on this backend. */
  readonly skipped: number;
  /** Full name and first message of each failed spec. */
  readonly failures: readonly string[];
}

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

/**
 * Runs tfjs-core's own op suite, the one its backends are released against, on a backend of this package. Once per process
 * and backend: the suite belongs to the one TF.js engine of the process.
 */
export async function runOpSuite(backend: BackendName): Promise<OpSuiteResult> {
  const directory = await mkdtemp(join(tmpdir(), 'parl-mt-op-suite-'));
  try {
    const bundle = join(directory, `${backend}.mjs`);
    await bundleSuite(backend, bundle);
    await selectBackend(backend);
    const jasmine = (createRequire(import.meta.url)('jasmine-core') as JasmineCore).boot();
    jasmine.DEFAULT_TIMEOUT_INTERVAL = 60_000;
    const environment = jasmine.getEnv();
    const failures: string[] = [];
    let passed = 0;
    let skipped = 0;
    environment.configure({ random: false });
    environment.addReporter({
      specDone({ status, fullName, failedExpectations }) {
        if (status === 'passed') passed += 1;
        else if (status === 'failed') failures.push(`${fullName}: ${failedExpectations[0]?.message}`);
        else skipped += 1;
      },
    });
    await import(/* @vite-ignore */ pathToFileURL(bundle).href);
    await environment.execute();
    return { passed, skipped, failures };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Environments must be registered before the specs are declared, hence three modules. */
function suiteModules(backend: BackendName): Readonly<Record<string, string>> {
  return {
    entry: `
      import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops';
      import '@tensorflow/tfjs-core/dist/register_all_gradients';
      import 'op-suite:environments';
      import '@tensorflow/tfjs-core/dist/tests';`,
    environments: `
      import { setTestEnvs } from '@tensorflow/tfjs-core/dist/jasmine_util';
      setTestEnvs([{ name: '${backend}', backendName: '${backend}', isDataSync: true }]);`,
  };
}

/**
 * Two engine specs ("this test will work for any backend") are limited to a backend named cpu and register it twice; here they
 * do so with the backend under test.
 */
function withoutBackendName(engineSpecs: string, backend: BackendName): string {
  const start = engineSpecs.indexOf("describeWithFlags('Switching cpu backends'");
  const end = engineSpecs.indexOf('describeWithFlags(', start + 1);
  if (start < 0 || end < 0)
    throw new Error('expected the specs "Switching cpu backends" in engine_test.js of tfjs-core');
  const specs = engineSpecs.slice(start, end).replaceAll("'cpu'", `'${backend}'`);
  return engineSpecs.slice(0, start) + specs + engineSpecs.slice(end);
}

async function bundleSuite(backend: BackendName, outfile: string): Promise<void> {
  const modules = suiteModules(backend);
  await build({
    entryPoints: ['op-suite:entry'],
    outfile,
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
          onLoad({ filter: /tfjs-core\/dist\/engine_test\.js$/ }, async ({ path }) => ({
            contents: withoutBackendName(await readFile(path, 'utf8'), backend),
          }));
        },
      },
    ],
  });
}
