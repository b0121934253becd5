import { swigluBackward, swigluForward } from '@parl-mt/native';
import { expectShape } from './expect-shape.js';
import { type FusedOp, type Operand, runFusedOp } from './fused-op.js';
import { isParlActive } from './parl-backend.js';
import { tf } from './tf.js';

/**
 * silu(gate) * up, silu(x) = x / (1 + exp(-x)).
 *
 * @param gate - any shape.
 * @param up - the same shape.
 * @returns the same shape.
 * @see Shazeer 2020, arXiv:2002.05202.
 */
export function swiglu<T extends tf.Tensor>(gate: T, up: T): T {
  expectShape('up', up, gate.shape);
  if (!isParlActive()) return swigluComposite(gate, up);
  return runFusedOp(swigluKernel.name, { gate, up }, {})[0] as T;
}

export const swigluKernel: FusedOp<object, 'gate' | 'up'> = {
  name: 'ParlSwiglu',
  saveInputs: ['gate', 'up'],
  saveOutputs: [false],
  forward({ gate, up }, _, pool) {
    const values = pool.allocate(gate.values.length);
    swigluForward(gate.values, up.values, values);
    return [{ values, shape: gate.shape }];
  },
  backward([dOut], saved, _, pool) {
    const [gate, up] = saved as [Operand, Operand];
    const [dGate, dUp] = [pool.allocate(gate.values.length), pool.allocate(up.values.length)];
    swigluBackward(dOut!.values, gate.values, up.values, dGate, dUp);
    return { gate: { values: dGate, shape: gate.shape }, up: { values: dUp, shape: up.shape } };
  },
};

/** `swiglu` in plain TF.js ops. */
export function swigluComposite<T extends tf.Tensor>(gate: T, up: T): T {
  return tf.tidy(() => tf.mul(tf.mul(gate, tf.sigmoid(gate)), up));
}
