// Prints what the binary depends on beside the sources: part of the Nx cache key of the addon.
import { spawnSync } from 'node:child_process';

function firstLine(command, args) {
  const run = spawnSync(command, args, { encoding: 'utf8' });
  return run.status === 0 ? run.stdout.trim().split('\n').at(-1) : 'none';
}

console.log(
  firstLine(process.env.CXX ?? 'c++', ['--version']),
  firstLine(process.env.CXX ?? 'c++', ['-dumpfullversion']),
);
console.log(firstLine('cmake', ['--version']));
const nvcc = process.env.CUDACXX || (process.env.CUDA_HOME ? `${process.env.CUDA_HOME}/bin/nvcc` : 'nvcc');
console.log(firstLine(nvcc, ['--version']), firstLine('/usr/local/cuda/bin/nvcc', ['--version']));
console.log(process.platform, process.arch);
