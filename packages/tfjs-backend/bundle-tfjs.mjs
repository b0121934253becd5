// Bundles TF.js once into vendor/: tfjs-core's own entry point for Node is ES5 without gradients, and the files that
// register gradients and chained ops cannot be imported by Node directly. One flat module also halves dispatch time.
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const projectRoot = fileURLToPath(new URL('.', import.meta.url));
const vendor = fileURLToPath(new URL('vendor/', import.meta.url));

const entry = `
import '@tensorflow/tfjs-core/dist/register_all_gradients';
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops';
export * from '@tensorflow/tfjs-core';
export { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
`;

const types = `// Written by bundle-tfjs.mjs.
import type { DataStorage, DataType, DataId, KernelBackend, TensorInfo, backend_util } from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js';
export * from '@tensorflow/tfjs-core';

export interface CpuTensorData {
  values?: backend_util.BackendValues;
  dtype: DataType;
  refCount: number;
  complexTensorInfos?: { real: TensorInfo; imag: TensorInfo };
}

export declare class MathBackendCPU extends KernelBackend {
  data: DataStorage<CpuTensorData>;
  write(values: backend_util.BackendValues, shape: number[], dtype: DataType): DataId;
  readSync(dataId: DataId): backend_util.BackendValues;
  disposeData(dataId: DataId, force?: boolean): boolean;
  makeTensorInfo(shape: number[], dtype: DataType, values?: backend_util.BackendValues | string[]): TensorInfo;
  disposeIntermediateTensorInfo(info: TensorInfo): void;
}
`;

const result = await build({
  stdin: { contents: entry, resolveDir: projectRoot, sourcefile: 'tfjs-entry.mjs' },
  bundle: true,
  write: false,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  mainFields: ['module', 'main'],
  // tfjs declares no side effects for the files that register gradients; without this they would be dropped.
  ignoreAnnotations: true,
  legalComments: 'none',
  banner: {
    js: "import { createRequire as parlCreateRequire } from 'node:module'; const require = parlCreateRequire(import.meta.url);",
  },
});

await mkdir(vendor, { recursive: true });
await writeAtomically('tfjs.mjs', result.outputFiles[0].contents);
await writeAtomically('tfjs.d.mts', types);

async function writeAtomically(name, contents) {
  const temporary = `${vendor}${name}.${process.pid}.tmp`;
  await writeFile(temporary, contents);
  await rename(temporary, `${vendor}${name}`);
}
