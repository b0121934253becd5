import { type Arithmetic, arithmetic, matmul } from '@parl-mt/native';
import { adaptedLinearKernels } from './adapted-linear.js';
import { causalAttentionKernel } from './causal-attention.js';
import { decoderLayersKernel } from './decoder-layers.js';
import { embeddingKernel } from './embedding.js';
import { registerFusedOp } from './fused-op.js';
import { linearKernels } from './linear.js';
import { linearLogprobKernel } from './linear-logprob.js';
import { PARL, type ParlBackend } from './parl-backend.js';
import { addRmsNormKernel, rmsNormKernel } from './rms-norm.js';
import { ropeKernel } from './rope.js';
import { swigluKernel } from './swiglu.js';
import { tf } from './tf.js';

interface KernelCall {
  readonly inputs: tf.NamedTensorInfoMap;
  readonly attrs?: tf.NamedAttrMap | undefined;
  readonly backend: unknown;
}

/** Registers the fused ops, and replaces those kernels of the copied cpu backend that the addon has. */
export function registerNativeKernels(): void {
  for (const kernel of linearKernels) registerFusedOp(kernel);
  for (const kernel of adaptedLinearKernels) registerFusedOp(kernel);
  registerFusedOp(rmsNormKernel);
  registerFusedOp(addRmsNormKernel);
  registerFusedOp(ropeKernel);
  registerFusedOp(causalAttentionKernel);
  registerFusedOp(swigluKernel);
  registerFusedOp(embeddingKernel);
  registerFusedOp(decoderLayersKernel);
  registerFusedOp(linearLogprobKernel);
  replaceKernel('BatchMatMul', batchMatMul);
  replaceKernel('_FusedMatMul', fusedMatMul);
  for (const [name, operation] of Object.entries(ARITHMETIC)) replaceKernel(name, elementwise(operation));
  replaceKernel('Square', square);
  replaceKernel('Mean', mean);
}

/** A native kernel answers undefined for what it does not cover; the cpu kernel then computes it, or refuses it. */
function replaceKernel(name: string, native: (call: KernelCall) => tf.TensorInfo | undefined): void {
  const cpu = tf.getKernel(name, 'cpu');
  tf.unregisterKernel(name, PARL);
  tf.registerKernel({
    kernelName: name,
    backendName: PARL,
    kernelFunc: (call) => native(call) ?? cpu.kernelFunc(call),
  });
}

/** The cpu kernels index every element of a broadcast anew: a tensor times a scalar costs them more than a decoder layer. */
const ARITHMETIC: Readonly<Record<string, Arithmetic>> = {
  Add: 'add',
  Multiply: 'multiply',
  RealDiv: 'divide',
  Sub: 'subtract',
};

/** Equal shapes, or a single element beside a tensor of its rank or more. */
function elementwise(operation: Arithmetic): (call: KernelCall) => tf.TensorInfo | undefined {
  return ({ inputs, backend }) => {
    const parl = backend as ParlBackend;
    const [a, b] = [inputs.a!, inputs.b!];
    if (a.dtype !== 'float32' || b.dtype !== 'float32') return undefined;
    const isSingle = (x: tf.TensorInfo, beside: tf.TensorInfo) =>
      tf.util.sizeFromShape(x.shape) === 1 && x.shape.length <= beside.shape.length;
    const shape =
      tf.util.arraysEqual(a.shape, b.shape) || isSingle(b, a) ? a.shape : isSingle(a, b) ? b.shape : undefined;
    if (shape === undefined) return undefined;
    const out = parl.pool.allocate(tf.util.sizeFromShape(shape));
    arithmetic(operation, parl.floats(a), parl.floats(b), out);
    return parl.makeTensorInfo(shape, 'float32', out);
  };
}

function square({ inputs, backend }: KernelCall): tf.TensorInfo | undefined {
  const parl = backend as ParlBackend;
  const x = inputs.x!;
  if (x.dtype !== 'float32') return undefined;
  const values = parl.floats(x);
  const out = parl.pool.allocate(values.length);
  arithmetic('multiply', values, values, out);
  return parl.makeTensorInfo(x.shape, 'float32', out);
}

/** As the cpu kernel, the sum of quotients; which divides every element by a broadcast of its own. */
function mean({ inputs, attrs, backend }: KernelCall): tf.TensorInfo | undefined {
  const parl = backend as ParlBackend;
  const x = inputs.x!;
  if (x.dtype !== 'float32') return undefined;
  const axes = tf.util.parseAxisParam(attrs?.axis as number | number[], x.shape);
  const [, reduced] = tf.backend_util.computeOutAndReduceShapes(x.shape, axes);
  const values = parl.floats(x);
  const quotients = parl.pool.allocate(values.length);
  arithmetic('divide', values, Float32Array.of(tf.util.sizeFromShape(reduced)), quotients);
  const divided = parl.makeTensorInfo(x.shape, 'float32', quotients);
  const call = { inputs: { x: divided }, attrs: attrs ?? {}, backend: parl };
  const result = tf.getKernel('Sum', PARL).kernelFunc(call) as tf.TensorInfo;
  parl.disposeIntermediateTensorInfo(divided);
  return result;
}

function batchMatMul({ inputs, attrs, backend }: KernelCall): tf.TensorInfo | undefined {
  const parl = backend as ParlBackend;
  const [a, b] = [inputs.a!, inputs.b!];
  const transposeA = attrs?.transposeA === true;
  const transposeB = attrs?.transposeB === true;
  if (a.dtype !== 'float32' || b.dtype !== 'float32' || a.shape.length < 2 || b.shape.length < 2) return undefined;
  const [batchA, batchB] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  // One matrix on a side serves all of the other; any other broadcast, and every error, is the cpu kernel's.
  const [countA, countB] = [tf.util.sizeFromShape(batchA), tf.util.sizeFromShape(batchB)];
  if (!tf.util.arraysEqual(batchA, batchB) && (Math.min(countA, countB) !== 1 || countA * countB === 0))
    return undefined;
  const batch = tf.broadcast_util.assertAndGetBroadcastShape(batchA, batchB);
  const [m, k] = extents(a.shape, transposeA);
  const [n, kOfB] = extents(b.shape, !transposeB);
  if (k !== kOfB) return undefined;
  const count = Math.max(countA, countB);
  const [left, right] = [parl.floats(a), parl.floats(b)];
  const out = parl.pool.allocate(count * m * n);
  const shape = { m, n, k, transposeA, transposeB };
  for (let i = 0; i < count; i++) {
    matmul(
      part(left, countA, i, m * k),
      part(right, countB, i, k * n),
      out.subarray(i * m * n, (i + 1) * m * n),
      shape,
    );
  }
  return parl.makeTensorInfo([...batch, m, n], 'float32', out);
}

/** Rows and columns of op(x). */
function extents(shape: readonly number[], isTransposed: boolean): [number, number] {
  const [rows, columns] = [shape[shape.length - 2]!, shape[shape.length - 1]!];
  return isTransposed ? [columns, rows] : [rows, columns];
}

function part(values: Float32Array, count: number, i: number, size: number): Float32Array {
  return count === 1 ? values : values.subarray(i * size, (i + 1) * size);
}

/** Product, then bias, then activation, each by its own kernel. */
function fusedMatMul({ inputs, attrs, backend }: KernelCall): tf.TensorInfo | undefined {
  const parl = backend as ParlBackend;
  const activation = attrs?.activation as string | null | undefined;
  const activationKernel = activation ? ACTIVATIONS[activation] : undefined;
  if (activation && activation !== 'linear' && !activationKernel) return undefined;
  let result = batchMatMul({ inputs: { a: inputs.a!, b: inputs.b! }, attrs, backend });
  if (result === undefined) return undefined;
  const apply = (name: string, key: string, more: tf.NamedTensorInfoMap, attributes: tf.NamedAttrMap) => {
    const before = result as tf.TensorInfo;
    const call = { inputs: { [key]: before, ...more }, attrs: attributes, backend: parl };
    result = tf.getKernel(name, PARL).kernelFunc(call) as tf.TensorInfo;
    parl.disposeIntermediateTensorInfo(before);
  };
  if (inputs.bias) apply('Add', 'a', { b: inputs.bias }, {});
  if (activationKernel === 'Prelu') apply('Prelu', 'x', { alpha: inputs.preluActivationWeights! }, {});
  else if (activationKernel) apply(activationKernel, 'x', {}, { alpha: attrs?.leakyreluAlpha ?? 0.2 });
  return result;
}

const ACTIVATIONS: Readonly<Record<string, string>> = {
  relu: 'Relu',
  relu6: 'Relu6',
  elu: 'Elu',
  sigmoid: 'Sigmoid',
  prelu: 'Prelu',
  leakyrelu: 'LeakyRelu',
};
