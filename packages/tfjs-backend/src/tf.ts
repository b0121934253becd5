import type * as api from '../vendor/tfjs.mjs';

/** The bundle lies beside src/ and dist/, so that both find it at the same relative address. */
const bundle = new URL('../vendor/tfjs.mjs', import.meta.url);

/**
 * TF.js with gradients, chained ops and the cpu backend: one flat module made by `npm run build`.
 * Use it as `tf.add(a, b)` and, for types, `tf.Tensor`.
 */
export const tf: typeof api = await loadBundle();

/** Types beside the value of the same name, as `import * as tf` would give. */
export declare namespace tf {
  type DataType = api.DataType;
  type DataId = api.DataId;
  type KernelBackend = api.KernelBackend;
  type NamedAttrMap = api.NamedAttrMap;
  type NamedTensorInfoMap = api.NamedTensorInfoMap;
  type NamedTensorMap = api.NamedTensorMap;
  type Rank = api.Rank;
  type Scalar = api.Scalar;
  type Tensor<R extends api.Rank = api.Rank> = api.Tensor<R>;
  type Tensor1D = api.Tensor1D;
  type Tensor2D = api.Tensor2D;
  type Tensor3D = api.Tensor3D;
  type Tensor4D = api.Tensor4D;
  type TensorContainer = api.TensorContainer;
  type TensorInfo = api.TensorInfo;
  type TypedArray = api.TypedArray;
  type Variable<R extends api.Rank = api.Rank> = api.Variable<R>;
}

async function loadBundle(): Promise<typeof api> {
  try {
    return (await import(bundle.href)) as typeof api;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new Error(
      'expected the TF.js bundle packages/tfjs-backend/vendor/tfjs.mjs, found none: run `npm run build`, or ' +
        '`npm run bundle -w @parl-mt/tfjs-backend` for this file alone',
      { cause: error },
    );
  }
}
