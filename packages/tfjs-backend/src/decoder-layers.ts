import {
  decoderLayersBackward,
  decoderLayersForward,
  keptActivations,
  type NativeDecoderConfig,
  type NativeDecoderGradients,
  type NativeDecoderLayer,
  type NativeDecoderWeights,
  type TrainedTokens,
} from '@parl-mt/native';
import { type FusedOp, type Operand, runFusedOp } from './fused-op.js';
import type { tf } from './tf.js';
import { variableBuffer } from './variable-storage.js';

/** The weights of the layers by the addon's names: matrices, norms and biases. */
export interface DecoderVariables {
  readonly embedding: tf.Variable;
  readonly finalNorm: tf.Variable;
  readonly layers: readonly Readonly<Partial<Record<LayerVariable, tf.Variable>>>[];
}

export type LayerVariable = Exclude<keyof NativeDecoderLayer, `${string}Adapter`>;

/**
 * All layers of a decoder as one op, embedding to final norm, with the gradient of every weight: the bits of the layers' ops one by one, but
 * that each thread takes some sequences through all layers where the decoder is small. Backend `parl` only.
 *
 * @param batch - see `decoderLayersForward` of the addon.
 * @returns [T, D]: hidden states of the target rows.
 */
export function decoderLayers(
  variables: DecoderVariables,
  config: NativeDecoderConfig,
  batch: TrainedTokens,
): tf.Tensor2D {
  const inputs: tf.NamedTensorMap = {};
  everyVariable(variables, (variable) => {
    inputs[variable.name] = variable;
  });
  return runFusedOp(decoderLayersKernel.name, inputs, { variables, config, batch, kept: {} })[0] as tf.Tensor2D;
}

interface DecoderLayersAttributes {
  readonly variables: DecoderVariables;
  readonly config: NativeDecoderConfig;
  readonly batch: TrainedTokens;
  /** From the forward to the backward pass. Not an output: the tape would make a gradient of zeros for it. */
  readonly kept: { values?: Float32Array };
}

export const decoderLayersKernel: FusedOp<DecoderLayersAttributes, string> = {
  name: 'ParlDecoderLayers',
  saveInputs: [],
  saveOutputs: [false],
  forward(_, { variables, config, batch, kept }, pool) {
    const weights = everyVariable(variables, variableBuffer);
    const hidden = pool.allocate(batch.targetRows.length * config.hiddenSize);
    kept.values = pool.allocate(keptActivations(config, weights, batch));
    decoderLayersForward(config, weights, batch, kept.values, hidden);
    return [{ values: hidden, shape: [batch.targetRows.length, config.hiddenSize] }];
  },
  backward([dHidden], _, { variables, config, batch, kept }, pool) {
    if (kept.values === undefined)
      throw new Error('expected one backward pass for each forward pass, received another');
    const gradients: Record<string, Operand> = {};
    const arrays = everyVariable(variables, (variable) => {
      const values = pool.allocate(variable.size);
      gradients[variable.name] = { values, shape: variable.shape };
      return values;
    });
    decoderLayersBackward(
      config,
      everyVariable(variables, variableBuffer),
      batch,
      dHidden!.values,
      kept.values,
      arrays,
    );
    pool.release(kept.values);
    delete kept.values;
    return gradients;
  },
};

/** What `read` makes of each variable, in their structure. */
function everyVariable<T>(variables: DecoderVariables, read: (variable: tf.Variable) => T) {
  return {
    embedding: read(variables.embedding),
    finalNorm: read(variables.finalNorm),
    layers: variables.layers.map((layer) =>
      Object.fromEntries(Object.entries(layer).map(([name, variable]) => [name, read(variable)])),
    ),
  } as T extends Float32Array ? NativeDecoderWeights & NativeDecoderGradients : unknown;
}
