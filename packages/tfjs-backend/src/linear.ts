import { expectShape } from './expect-shape.js';
import { tf } from './tf.js';

/** One linear map: `weight` is [out, in] as Hugging Face stores it, `bias` [out]. */
export interface LinearMap {
  readonly weight: tf.Tensor;
  readonly bias?: tf.Tensor;
}

/**
 * x W^T + b.
 *
 * @param x - [n, in].
 * @param weight - [out, in].
 * @param bias - [out].
 * @returns [n, out].
 * @throws {ShapeError} when extents do not fit.
 */
export function linear(x: tf.Tensor, weight: tf.Tensor, bias?: tf.Tensor): tf.Tensor2D {
  return linears(x, [bias ? { weight, bias } : { weight }])[0]!;
}

/**
 * Several linear maps of one input. The same as one `linear` each, but the gradient of `x` is accumulated in one
 * buffer instead of being added up by the tape.
 *
 * @returns one [n, out] per map.
 */
export function linears(x: tf.Tensor, maps: readonly LinearMap[]): tf.Tensor2D[] {
  expectShape('x', x, [null, null]);
  for (const [i, { weight, bias }] of maps.entries()) {
    expectShape(`weight of map ${i}`, weight, [null, x.shape[1]!]);
    if (bias) expectShape(`bias of map ${i}`, bias, [weight.shape[0]!]);
  }
  return maps.map(({ weight, bias }) => linearComposite(x, weight, bias));
}

/** `linear` in plain TF.js ops. */
export function linearComposite(x: tf.Tensor, weight: tf.Tensor, bias?: tf.Tensor): tf.Tensor2D {
  return tf.tidy(() => {
    const product: tf.Tensor2D = tf.matMul(x as tf.Tensor2D, weight as tf.Tensor2D, false, true);
    return bias ? tf.add<tf.Tensor2D>(product, bias) : product;
  });
}
