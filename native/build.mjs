// Builds the addon with cmake-js and puts the binary where index.cjs looks for it.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, renameSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.dirname(here);
const cmakeJs = createRequire(import.meta.url).resolve('cmake-js/bin/cmake-js');
const place = ['-d', root, '-O', path.join(here, 'build')];

// `cmake-js compile` configures a build folder only once, and would miss a changed PARL_MT_CUDA or CUDACXX.
for (const args of [
  ['configure', ...place, `--CDPARL_MT_CUDA=${process.env.PARL_MT_CUDA ?? 'AUTO'}`],
  ['build', ...place, '--parallel', String(availableParallelism())],
]) {
  const done = spawnSync(process.execPath, [cmakeJs, ...args], { stdio: 'inherit', cwd: root });
  if (done.status !== 0) {
    console.error(
      'building the native addon failed: it needs a C++20 compiler and CMake >= 3.22 (see the output above)',
    );
    process.exit(done.status ?? 1);
  }
}
mkdirSync(path.join(here, 'dist'), { recursive: true });
const target = path.join(here, 'dist', 'parl_mt.node');
copyFileSync(path.join(here, 'build', 'Release', 'parl_mt.node'), `${target}.tmp`);
renameSync(`${target}.tmp`, target);
