// tfjs-core's own op suite on backends parl and cpu, one process each. Exit code 1 where parl passes fewer specs, or fails one.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type OpSuiteResult, runOpSuite } from './op-suite.testing.js';
import type { BackendName } from './select-backend.js';

const backends = ['parl', 'cpu'] as const satisfies readonly BackendName[];
const chosen = process.argv[2];

if (chosen === undefined) {
  const results = new Map(backends.map((backend) => [backend, inOwnProcess(backend)]));
  console.log(`backend  passed  failed  skipped`);
  for (const [backend, { passed, failures, skipped }] of results) {
    console.log(
      [
        backend.padEnd(7),
        String(passed).padStart(6),
        String(failures.length).padStart(6),
        String(skipped).padStart(7),
      ].join('  '),
    );
  }
  for (const [backend, { failures }] of results) for (const failure of failures) console.log(`${backend}: ${failure}`);
  const { parl, cpu } = Object.fromEntries(results) as Record<(typeof backends)[number], OpSuiteResult>;
  process.exitCode = parl.failures.length === 0 && parl.passed >= cpu.passed ? 0 : 1;
} else if (backends.includes(chosen as (typeof backends)[number])) {
  // The suite's own ops print warnings: they are not the result.
  for (const method of ['log', 'warn', 'error'] as const) console[method] = () => undefined;
  const result = await runOpSuite(chosen as BackendName);
  process.stdout.write(JSON.stringify(result));
} else {
  console.error(`expected no argument, or one of ${backends.join(', ')}, received ${chosen}`);
  process.exitCode = 2;
}

function inOwnProcess(backend: BackendName): OpSuiteResult {
  const child = spawnSync(process.execPath, [...process.execArgv, fileURLToPath(import.meta.url), backend], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (child.status !== 0) throw new Error(`expected the suite on backend ${backend} to end, exit code ${child.status}`);
  return JSON.parse(child.stdout) as OpSuiteResult;
}
