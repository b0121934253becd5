import { setImmediate } from 'node:timers/promises';
import { toBfloat16, type WeightValues } from '@parl-mt/native';
import { UsageError } from '@parl-mt/schema';
import type { DecoderArchitecture } from '../architectures/decoder-architecture.js';
import { HEAD, weightShapes } from '../decoder-weights.js';
import { elementCount, type StoredTensorInfo, type TensorSource } from './tensor-source.js';

/** Element type of weights in memory. */
export type WeightType = 'float32' | 'bfloat16';

/**
 * Reads the weights of an architecture, one tensor after another, each into the array that the decoder then keeps.
 *
 * @param type - of the matrices; norms and biases are float32. bfloat16 rounds to nearest, ties to even: weights that the file has in
 *   bfloat16 stay what they are. Default float32.
 * @throws {UsageError} naming the tensors that are missing, too many, or of another shape.
 */
export async function loadWeights(
  source: TensorSource,
  architecture: DecoderArchitecture,
  type: WeightType = 'float32',
): Promise<Map<string, WeightValues>> {
  const shapes = weightShapes(architecture);
  expectTensors(source.tensors, shapes, source.where);
  const weights = new Map<string, WeightValues>();
  for (const [name, shape] of shapes) {
    // Not zeroed: every element is read, or reading throws.
    const values = new Float32Array(
      Buffer.allocUnsafeSlow(elementCount(shape) * Float32Array.BYTES_PER_ELEMENT).buffer,
    );
    await source.read(name, values);
    weights.set(name, type === 'bfloat16' && shape.length === 2 ? toBfloat16(values) : values);
    // Timers and requests of the process have their turn.
    await setImmediate();
  }
  return weights;
}

/** Tensors that checkpoints hold beside the weights: rotary tables of old versions, and the head where it is tied. */
function isIgnored(name: string): boolean {
  return name.endsWith('.rotary_emb.inv_freq') || name === HEAD;
}

function expectTensors(
  tensors: ReadonlyMap<string, StoredTensorInfo>,
  shapes: ReadonlyMap<string, readonly number[]>,
  where: string,
): void {
  const problems: string[] = [];
  for (const [name, shape] of shapes) {
    const found = tensors.get(name);
    if (!found) problems.push(`${name} is missing`);
    else if (found.shape.join() !== shape.join()) {
      problems.push(`${name} has shape [${found.shape.join(', ')}], not [${shape.join(', ')}]`);
    }
  }
  for (const name of tensors.keys()) {
    if (!shapes.has(name) && !isIgnored(name)) problems.push(`${name} is not part of this decoder`);
  }
  if (problems.length > 0) {
    const shown = problems.slice(0, 5).join('; ');
    const more = problems.length > 5 ? `; and ${problems.length - 5} more` : '';
    throw new UsageError(`expected the weights of the configuration at ${where}: ${shown}${more}`);
  }
}
