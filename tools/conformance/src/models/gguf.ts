import { createHash } from 'node:crypto';
import { architectureFromGguf, GgufFile, GgufWeights, loadModel } from '@parl-mt/policy';
import { selectBackend } from '@parl-mt/tfjs-backend';
import { limits, logitsOf, packedTokens, type Tensors, valuesOf } from './decoder-numbers.js';
import { equal, type Ledger } from './ledger.js';
import type { ModelFixtures } from './model-fixtures.js';
import type { ModelSection } from './section.js';

/** What `tiny.json` says of a file. */
interface ExpectedGguf {
  readonly architecture?: string;
  readonly tensors: readonly ExpectedGgufTensor[];
}

/** A tensor as the file and transformers order it. */
export interface ExpectedGgufTensor {
  readonly name: string;
  readonly hf_name?: string;
  readonly shape: readonly number[];
  readonly type: string;
  readonly sha256_fp32: string;
  readonly sha256_fp32_hf_order?: string;
}

/** Small GGUF files: every tensor dequantised, bit for bit, and logits. */
export const gguf: ModelSection = {
  name: 'gguf',
  async run(fixtures, ledger) {
    await selectBackend('parl');
    const about = fixtures.json<Record<string, ExpectedGguf>>('gguf/tiny.json');
    const expected = fixtures.tensors('gguf/tiny.safetensors');
    ledger.use('gguf/tiny.json', 'gguf/tiny.safetensors');
    for (const [name, each] of Object.entries(about)) {
      const file = `gguf/${name}`;
      await ledger.attempt(file, 'GGUF file', async () => {
        // A file without a model holds one tensor a type, whose values are in the fixture.
        if (each.architecture === undefined) await judgeBlocks(fixtures, ledger, file, expected);
        else await judgeGgufTensors(fixtures.path(file), ledger, file, each.tensors);
        const logits = expected.get(`logits.${name}`)?.values;
        if (logits !== undefined) await judgeLogits(fixtures, ledger, name, each, expected, logits);
      });
    }
  },
};

/** One tensor a type, the values beside it. */
async function judgeBlocks(fixtures: ModelFixtures, ledger: Ledger, file: string, expected: Tensors): Promise<void> {
  await using opened = await GgufFile.open(fixtures.path(file));
  for (const [name, { type, shape }] of opened.tensors) {
    const theirs = valuesOf(expected, `blocks.${type}`);
    const ours = new Float32Array(shape.reduce((a, b) => a * b, 1));
    await opened.read(name, ours);
    ledger.compare(file, `dequantised ${type}`, ours, theirs, equal, name);
  }
}

/** Every tensor's bytes as float32, in the file's order and in transformers'. */
export async function judgeGgufTensors(
  path: string,
  ledger: Ledger,
  file: string,
  tensors: readonly ExpectedGgufTensor[],
): Promise<void> {
  const opened = await GgufFile.open(path);
  await using source = new GgufWeights(opened, await architectureFromGguf(opened));
  const differences: string[] = [];
  const reordered: string[] = [];
  for (const { name, hf_name: hfName, shape, type, sha256_fp32: own, sha256_fp32_hf_order: theirs } of tensors) {
    const found = opened.tensors.get(name);
    if (found?.type !== type || found.shape.join() !== shape.join()) {
      differences.push(`${name} is ${found?.type} [${found?.shape.join()}], expected ${type} [${shape.join()}]`);
      continue;
    }
    const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
    await opened.read(name, values);
    if (sha256(values) !== own) differences.push(`${name} (${type}) has other values`);
    // What became part of the configuration (rope_freqs) has no name of transformers.
    if (hfName === undefined || theirs === undefined || !source.tensors.has(hfName)) continue;
    await source.read(hfName, values);
    if (sha256(values) !== theirs) reordered.push(`${hfName} (${type}) has other values`);
  }
  ledger.matches(file, 'tensors, bit for bit', tensors.length, differences);
  ledger.matches(file, "tensors in transformers' order", tensors.length, reordered);
}

function sha256(values: Float32Array): string {
  return createHash('sha256').update(new Uint8Array(values.buffer)).digest('hex');
}

/** `logits` belong to the last rows of the file's ids. */
async function judgeLogits(
  fixtures: ModelFixtures,
  ledger: Ledger,
  name: string,
  { architecture }: ExpectedGguf,
  expected: Tensors,
  logits: Float32Array,
): Promise<void> {
  const own = `ids.${name.split('.')[0]}`;
  const ids = valuesOf(expected, expected.has(own) ? own : `ids.${architecture}`);
  const { decoder } = await loadModel(fixtures.path(`gguf/${name}`));
  const ours = logitsOf(decoder, packedTokens(ids)).subarray(-logits.length);
  ledger.compare(`gguf/${name}`, 'logits', ours, logits, limits.states);
  decoder.dispose();
}
