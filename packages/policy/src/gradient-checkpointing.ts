import { GradientSums, tf } from '@parl-mt/tfjs-backend';

/** The residual stream and its norm, which the next block reads. */
export type Stream = {
  readonly residual: tf.Tensor2D;
  readonly normed: tf.Tensor2D;
};

/** A loss of a network of layers, cut where streams go from one part to the next. */
export interface LayeredLoss {
  readonly numLayers: number;
  /** What the gradient is taken by, by name. */
  readonly trainable: ReadonlyMap<string, tf.Variable>;
  embed(): Stream;
  layer(index: number, below: Stream): Stream;
  loss(normed: tf.Tensor2D): tf.Scalar;
  /** Weights that a part reads; those that are not trained are passed over. */
  readonly embeddingNames: readonly string[];
  layerNames(index: number): readonly string[];
  readonly lossNames: readonly string[];
}

/** What comes from above to a stream; undefined where nothing does. */
interface StreamGradient {
  readonly residual: tf.Tensor | undefined;
  readonly normed: tf.Tensor | undefined;
}

/**
 * Value and gradients of a loss, keeping only the streams between layers: each layer is computed anew in the backward pass, from the last
 * to the first. The bits of a backward pass that keeps everything. The caller disposes the gradients.
 *
 * @see Chen et al. 2016, arXiv:1604.06174.
 */
export function checkpointedGradients(network: LayeredLoss): { loss: number; gradients: Map<string, tf.Tensor> } {
  const { numLayers, trainable } = network;
  const streams: Stream[] = [tf.tidy(() => network.embed())];
  for (let layer = 0; layer < numLayers; layer += 1) {
    streams.push(tf.tidy(() => network.layer(layer, streams[layer]!)));
  }
  // A tied embedding has gradients from both ends.
  const gradients = new GradientSums();
  const collect = (names: readonly string[], found: readonly (tf.Tensor | undefined)[]): void =>
    gradients.add(new Map(names.flatMap((name, i) => (found[i] === undefined ? [] : [[name, found[i]]]))));
  const trained = (names: readonly string[]) => names.filter((name) => trainable.has(name));
  const variables = (names: readonly string[]) => names.map((name) => trainable.get(name)!);

  const lossNames = trained(network.lossNames);
  const last = streams.at(-1)!;
  const end = gradientsOf(() => network.loss(last.normed), [last.normed, ...variables(lossNames)]);
  const loss = end.value.dataSync()[0]!;
  end.value.dispose();
  collect(lossNames, end.gradients.slice(1));
  let upstream: StreamGradient = { residual: undefined, normed: end.gradients[0] };
  disposeStream(last);
  const backward = (below: Stream | undefined, names: readonly string[], forward: () => Stream): void => {
    const inputs = below === undefined ? [] : [below.residual, below.normed];
    const { residual, normed } = upstream;
    const found = gradientsOf(() => {
      const stream = forward();
      // The scalar whose gradient by the stream is what came from above.
      const parts = [
        ...(residual === undefined ? [] : [tf.sum(tf.mul(stream.residual, residual))]),
        ...(normed === undefined ? [] : [tf.sum(tf.mul(stream.normed, normed))]),
      ];
      return tf.addN(parts).asScalar();
    }, [...inputs, ...variables(names)]);
    found.value.dispose();
    disposeGradient(upstream);
    upstream = { residual: found.gradients[0], normed: found.gradients[1] };
    collect(names, found.gradients.slice(inputs.length));
    if (below !== undefined) disposeStream(below);
  };
  for (let layer = numLayers - 1; layer >= 0; layer -= 1) {
    const below = streams[layer]!;
    backward(below, trained(network.layerNames(layer)), () => network.layer(layer, below));
  }
  const embeddingNames = trained(network.embeddingNames);
  if (embeddingNames.length > 0) backward(undefined, embeddingNames, () => network.embed());
  else disposeGradient(upstream);
  return { loss, gradients: new Map([...trainable.keys()].map((name) => [name, gradients.values.get(name)!])) };
}

function disposeStream({ residual, normed }: Stream): void {
  tf.dispose([residual, normed]);
}

function disposeGradient({ residual, normed }: StreamGradient): void {
  tf.dispose([residual, normed].filter((tensor) => tensor !== undefined));
}

/** A scalar and its gradients; undefined for what it does not depend on. The caller disposes all of it. */
function gradientsOf(
  scalar: () => tf.Scalar,
  inputs: readonly tf.Tensor[],
): { readonly value: tf.Scalar; readonly gradients: readonly (tf.Tensor | undefined)[] } {
  const { value, grads } = tf.engine().gradients(scalar, [...inputs], undefined, true);
  return { value: value as tf.Scalar, gradients: grads.map((gradient) => gradient ?? undefined) };
}
