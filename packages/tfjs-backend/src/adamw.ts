import { adamwUpdate, globalNorm, NativeValueError, ShapeError } from '@parl-mt/native';
import { isParlActive, parlBackend } from './parl-backend.js';
import type { tf } from './tf.js';
import { readVariable, variableBuffer, writeVariable } from './variable-storage.js';

export interface AdamWOptions {
  /** Decay of the first moment, in [0, 1). Default 0.9. */
  readonly beta1?: number;
  /** Decay of the second moment, in [0, 1). Default 0.999. */
  readonly beta2?: number;
  /** Added to the root of the second moment. Default 1e-8. */
  readonly epsilon?: number;
  /** Decoupled decay of variables of rank 2 and more; norms and biases are left out. Default 0.01. */
  readonly weightDecay?: number;
}

/** Everything that a resumed optimizer needs; the arrays are copies. */
export interface AdamWState {
  /** Updates made so far. */
  readonly updates: number;
  readonly firstMoments: ReadonlyMap<string, Float32Array>;
  readonly secondMoments: ReadonlyMap<string, Float32Array>;
}

export interface AdamWUpdate {
  readonly learningRate: number;
  /** Gradients are scaled down to this global norm when theirs is greater. Default: no clipping. */
  readonly maxGradNorm?: number;
}

interface Slot {
  readonly variable: tf.Variable;
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
}

/**
 * AdamW over named variables, which it updates in place.
 *
 * With g the clipped gradient and t the number of this update, from 1:
 *   p -= learningRate * weightDecay * p;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;
 *   p -= learningRate * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon)
 *
 * @see Loshchilov and Hutter 2019, arXiv:1711.05101; the order of operations is PyTorch's.
 */
export class AdamW {
  readonly #slots = new Map<string, Slot>();
  readonly #options: Required<AdamWOptions>;
  #updates = 0;

  constructor(variables: ReadonlyMap<string, tf.Variable>, options: AdamWOptions = {}) {
    this.#options = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, ...options };
    for (const [name, variable] of variables) {
      this.#slots.set(name, {
        variable,
        firstMoment: new Float32Array(variable.size),
        secondMoment: new Float32Array(variable.size),
      });
    }
  }

  /** Updates made so far. */
  get updates(): number {
    return this.#updates;
  }

  /**
   * One update.
   *
   * @param gradients - one per variable, by the variable's name in the map given to the constructor.
   * @returns global norm of the gradients before clipping.
   * @throws {ShapeError} when a gradient is missing or has another size.
   * @throws {NativeValueError} when the norm is not finite; nothing has been changed then.
   */
  update(gradients: ReadonlyMap<string, tf.Tensor>, { learningRate, maxGradNorm }: AdamWUpdate): { gradNorm: number } {
    const isNative = isParlActive();
    const slots = [...this.#slots.values()];
    const values = [...this.#slots].map(([name, { variable }]) => {
      const gradient = gradients.get(name);
      if (gradient === undefined || gradient.size !== variable.size) {
        throw new ShapeError(
          `expected a gradient of ${variable.size} elements for ${name}, received ${gradient?.size ?? 'none'}`,
        );
      }
      return isNative ? parlBackend().floats(gradient) : (gradient.dataSync() as Float32Array);
    });
    const gradNorm = isNative ? globalNorm(values) : globalNormComposite(values);
    if (!Number.isFinite(gradNorm)) {
      throw new NativeValueError(`expected gradients of finite norm, received ${gradNorm}: no update was made`);
    }
    const gradScale = maxGradNorm !== undefined && gradNorm > maxGradNorm ? maxGradNorm / gradNorm : 1;
    this.#updates += 1;
    const decays = slots.map(({ variable }) => (variable.rank >= 2 ? this.#options.weightDecay : 0));
    const common = { ...this.#options, learningRate, step: this.#updates };
    if (isNative) {
      adamwUpdate(
        slots.map(({ variable }) => variableBuffer(variable)),
        values,
        slots.map(({ firstMoment }) => firstMoment),
        slots.map(({ secondMoment }) => secondMoment),
        { ...common, gradientScale: gradScale, weightDecays: decays },
      );
      return { gradNorm };
    }
    for (const [i, { variable, firstMoment, secondMoment }] of slots.entries()) {
      const parameters = readVariable(variable);
      adamwComposite(parameters, values[i]!, firstMoment, secondMoment, {
        ...common,
        gradScale,
        weightDecay: decays[i]!,
      });
      writeVariable(variable, parameters);
    }
    return { gradNorm };
  }

  /** A copy of the state, to be saved. */
  state(): AdamWState {
    const copy = (pick: (slot: Slot) => Float32Array) =>
      new Map([...this.#slots].map(([name, slot]) => [name, pick(slot).slice()] as const));
    return {
      updates: this.#updates,
      firstMoments: copy((slot) => slot.firstMoment),
      secondMoments: copy((slot) => slot.secondMoment),
    };
  }

  /**
   * Continues from a saved state.
   * @throws {ShapeError} when the state's names or sizes are not those of the variables; nothing has been changed then.
   */
  restore(state: AdamWState): void {
    for (const moments of [state.firstMoments, state.secondMoments]) {
      for (const name of moments.keys()) {
        if (!this.#slots.has(name)) throw new ShapeError(`expected moments of known variables, received ${name}`);
      }
      for (const [name, { variable }] of this.#slots) {
        const length = moments.get(name)?.length;
        if (length !== variable.size) {
          throw new ShapeError(`expected ${variable.size} moments for ${name}, received ${length ?? 'none'}`);
        }
      }
    }
    for (const [name, slot] of this.#slots) {
      slot.firstMoment.set(state.firstMoments.get(name)!);
      slot.secondMoment.set(state.secondMoments.get(name)!);
    }
    this.#updates = state.updates;
  }
}

/** Euclidean norm of all elements of all gradients, summed in double precision in the order given. */
export function globalNormComposite(gradients: readonly Float32Array[]): number {
  let sum = 0;
  for (const gradient of gradients) {
    for (let i = 0; i < gradient.length; i++) sum += gradient[i]! * gradient[i]!;
  }
  return Math.sqrt(sum);
}

interface AdamwArguments extends Required<AdamWOptions> {
  readonly learningRate: number;
  readonly gradScale: number;
  /** 1 at the first update. */
  readonly step: number;
}

/** One variable's update in plain TypeScript; overwrites parameters and moments. */
export function adamwComposite(
  parameters: Float32Array,
  gradient: Float32Array,
  firstMoment: Float32Array,
  secondMoment: Float32Array,
  { learningRate, beta1, beta2, epsilon, weightDecay, gradScale, step }: AdamwArguments,
): void {
  const correction1 = 1 - beta1 ** step;
  const correction2 = 1 - beta2 ** step;
  for (let i = 0; i < parameters.length; i++) {
    const g = gradient[i]! * gradScale;
    const m = beta1 * firstMoment[i]! + (1 - beta1) * g;
    const v = beta2 * secondMoment[i]! + (1 - beta2) * g * g;
    firstMoment[i] = m;
    secondMoment[i] = v;
    const decayed = parameters[i]! * (1 - learningRate * weightDecay);
    parameters[i] = decayed - (learningRate * (m / correction1)) / (Math.sqrt(v / correction2) + epsilon);
  }
}
