import type { BufferPool } from './buffer-pool.js';
import { PARL, type ParlBackend, parlBackend } from './parl-backend.js';
import { tf } from './tf.js';

/** Values and shape of a tensor, as a kernel sees them. */
export interface Operand {
  readonly values: Float32Array;
  readonly shape: readonly number[];
}

/** Kernel with gradient on backend `parl`: both directions work on raw arrays and allocate from the pool. */
export interface FusedOp<Attributes, Input extends string> {
  /** Kernel name in TF.js's registry. */
  readonly name: string;
  /** Inputs that the backward pass reads. */
  readonly saveInputs: readonly Input[];
  /** For each output, whether the backward pass reads it. */
  readonly saveOutputs: readonly boolean[];
  forward(inputs: Readonly<Record<Input, Operand>>, attributes: Attributes, pool: BufferPool): Operand[];
  /**
   * @param outputGradients - one per output; an output that nothing used has zeros.
   * @param saved - saved inputs, then saved outputs, in order.
   * @returns gradient of each differentiable input; inputs with equal gradients may share one operand object.
   */
  backward(
    outputGradients: readonly Operand[],
    saved: readonly Operand[],
    attributes: Attributes,
    pool: BufferPool,
  ): Readonly<Partial<Record<Input, Operand>>>;
}

/**
 * Gradients made by `backward` and seen by nobody but TF.js's tape. The op they belong to is the last to read them, so
 * it disposes them itself: the tape would keep the gradients of all layers alive until the end of the backward pass.
 */
const privateGradients = new WeakSet<tf.Tensor>();

export function registerFusedOp<Attributes, Input extends string>(op: FusedOp<Attributes, Input>): void {
  tf.registerKernel({
    kernelName: op.name,
    backendName: PARL,
    kernelFunc: ({ inputs, attrs, backend }) => {
      const parl = backend as ParlBackend;
      const operands = {} as Record<Input, Operand>;
      for (const name in inputs) {
        const info = inputs[name] as tf.TensorInfo | undefined;
        if (info) operands[name as Input] = operandOf(parl, info);
      }
      return op.forward(operands, attrs as Attributes, parl.pool).map((output) => storeOperand(parl, output));
    },
  });
  tf.registerGradient({
    kernelName: op.name,
    inputsToSave: [...op.saveInputs],
    outputsToSave: [...op.saveOutputs],
    gradFunc: (outputGradients, saved, attrs) => {
      const parl = parlBackend();
      if (tf.engine().state.gradientDepth > 0) {
        throw new Error(
          `expected first-order gradients, found a gradient of a gradient through ${op.name}: use backend cpu`,
        );
      }
      const dys = Array.isArray(outputGradients) ? outputGradients : [outputGradients];
      const gradients = op.backward(
        dys.map((dy) => operandOf(parl, dy)),
        saved.map((tensor) => operandOf(parl, tensor)),
        attrs as unknown as Attributes,
        parl.pool,
      );
      const thunks: Record<string, () => tf.Tensor> = {};
      const stored = new Map<Operand, tf.TensorInfo>();
      for (const name in gradients) {
        const gradient = gradients[name as Input] as Operand;
        const known = stored.get(gradient);
        if (known) parl.incRef(known.dataId);
        const info = known ?? storeOperand(parl, gradient);
        stored.set(gradient, info);
        const tensor = tf.engine().makeTensorFromTensorInfo(info);
        privateGradients.add(tensor);
        thunks[name] = () => tensor;
      }
      for (const dy of dys) if (privateGradients.has(dy)) dy.dispose();
      return thunks;
    },
  });
}

/** Runs a registered fused op on the active backend, which must be `parl`. */
export function runFusedOp<Attributes extends object>(
  name: string,
  inputs: tf.NamedTensorMap,
  attributes: Attributes,
): tf.Tensor[] {
  const output: tf.Tensor | tf.Tensor[] = tf.engine().runKernel(name, inputs, attributes as never);
  return Array.isArray(output) ? output : [output];
}

function operandOf(backend: ParlBackend, info: tf.TensorInfo): Operand {
  return { values: backend.floats(info), shape: info.shape };
}

function storeOperand(backend: ParlBackend, { values, shape }: Operand): tf.TensorInfo {
  return backend.makeTensorInfo(shape as number[], 'float32', values);
}
