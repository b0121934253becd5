// Builds the C++ tests and runs them on every ISA the CPU has. --sanitize=address,undefined or --sanitize=thread: under those sanitizers.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = path.dirname(fileURLToPath(import.meta.url));
const { sanitize } = parseArgs({ options: { sanitize: { type: 'string', default: '' } } }).values;
const build = path.join(here, sanitize === '' ? 'build-test' : `build-${sanitize.replace(',', '-')}`);

function run(command, args, env = process.env) {
  const done = spawnSync(command, args, { stdio: 'inherit', env });
  if (done.error) throw done.error;
  return done.status ?? 1;
}

mkdirSync(build, { recursive: true });
const options = ['-DPARL_MT_TESTS=ON', `-DPARL_MT_SANITIZE=${sanitize}`];
options.push(`-DPARL_MT_CUDA=${process.env.PARL_MT_CUDA ?? 'AUTO'}`);
options.push('-DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON'); // so that a missing #include is seen somewhere
if (run('cmake', ['-S', path.dirname(here), '-B', build, '--log-level=WARNING', ...options]) !== 0) process.exit(1);
if (run('cmake', ['--build', build, '--parallel', String(availableParallelism())]) !== 0) process.exit(1);

// Sanitizers add weak symbols of their own, so only the plain build is looked through.
let failed = sanitize === '' && run(process.execPath, [path.join(here, 'check-kernel-symbols.mjs'), build]) !== 0;
for (const isa of ['portable', 'avx2', 'avx512']) {
  const status = run(path.join(build, 'native', 'test', 'parl_tests'), [isa], {
    ...process.env,
    UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1',
    TSAN_OPTIONS: 'halt_on_error=1',
  });
  failed ||= status !== 0 && status !== 77;
}
process.exit(failed ? 1 : 0);
