import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decoderConfigSchema } from '@parl-mt/schema';
import { readVariable, selectBackend } from '@parl-mt/tfjs-backend';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DecoderArchitecture, ownArchitecture } from '../architectures/decoder-architecture.js';
import { Decoder } from '../decoder.js';
import { weightShapes } from '../decoder-weights.js';
import { fillNormal } from '../philox.js';
import { exportModel } from './export-model.js';
import { ggufBytes, text, uint32 } from './gguf.testing.js';
import { loadModel } from './load-model.js';
import { parseShardIndex } from './sharded-safetensors.js';

let folder: string;
beforeAll(async () => {
  await selectBackend('parl');
  folder = await mkdtemp(join(tmpdir(), 'parl-mt-models-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const plain: DecoderArchitecture = {
  ...ownArchitecture(
    decoderConfigSchema.parse({
      vocabSize: 24,
      hiddenSize: 16,
      numLayers: 2,
      numHeads: 2,
      numKvHeads: 1,
      intermediateSize: 20,
    }),
  ),
  isHeadTied: false,
};
const architectures: Record<string, DecoderArchitecture> = {
  qwen2: plain,
  qwen3: { ...plain, family: 'qwen3', headDim: 6, isHeadTied: true },
  llama: { ...plain, family: 'llama', headDim: 10, rope: { theta: 1e4, scaling: { kind: 'linear', factor: 2 } } },
};

function randomDecoder(architecture: DecoderArchitecture): Decoder {
  let stream = 0;
  const weights = [...weightShapes(architecture)].map(([name, shape]) => {
    const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
    fillNormal(values, 0.3, 7, stream++);
    return [name, values] as const;
  });
  return Decoder.fromWeights(architecture, new Map(weights));
}

function expectSameWeights(actual: Decoder, expected: Decoder): void {
  expect([...actual.weights.keys()]).toEqual([...expected.weights.keys()]);
  for (const [name, variable] of expected.trainable) {
    expect(readVariable(actual.trainable.get(name)!), name).toEqual(readVariable(variable));
  }
}

describe('a model folder', () => {
  test.each(Object.keys(architectures))(
    '%s: what is exported is loaded again, in one file or in shards',
    async (name) => {
      const decoder = randomDecoder(architectures[name]!);
      for (const maxShardBytes of [5e9, 4000]) {
        const directory = join(folder, `${name}-${maxShardBytes}`);
        const written = await exportModel(directory, decoder, { maxShardBytes });
        expect((await readdir(directory)).sort()).toEqual([...written].sort());
        expect(written.some((file) => file.endsWith('index.json'))).toBe(maxShardBytes === 4000);
        const { decoder: loaded, files } = await loadModel(directory);
        expect(files.architecture).toEqual(architectures[name]);
        expectSameWeights(loaded, decoder);
      }
    },
  );

  test('bfloat16 halves the file and rounds; the source keeps its configuration and its other files', async () => {
    const decoder = randomDecoder(plain);
    const source = join(folder, 'source');
    await exportModel(source, decoder);
    await writeFile(join(source, 'tokenizer.json'), '{"any":1}');
    await writeFile(join(source, 'generation_config.json'), '{"eos_token_id":[3,5],"temperature":0.5,"top_k":20}');
    const config = JSON.parse(await readFile(join(source, 'config.json'), 'utf8'));
    await writeFile(join(source, 'config.json'), JSON.stringify({ ...config, extra: 'kept' }));
    const { files, decoder: loaded } = await loadModel(source);
    expect(files.generation).toMatchObject({ endTokens: [3, 5], temperature: 0.5, topK: 20 });

    const target = join(folder, 'target');
    await exportModel(target, loaded, { source: files, dtype: 'bfloat16' });
    const written = JSON.parse(await readFile(join(target, 'config.json'), 'utf8'));
    expect(written).toEqual({ ...config, extra: 'kept', torch_dtype: 'bfloat16' });
    expect(await readFile(join(target, 'tokenizer.json'), 'utf8')).toBe('{"any":1}');
    const again = await loadModel(target);
    expect(again.files.generation).toEqual(files.generation);
    const [rounded, exact] = [again.decoder, decoder].map((each) =>
      readVariable(each.trainable.get('lm_head.weight')!),
    );
    for (const [i, value] of exact!.entries()) {
      expect(Math.abs(rounded![i]! - value)).toBeLessThanOrEqual(Math.abs(value) * 2 ** -8);
    }
    await expect(exportModel(target, loaded)).rejects.toThrow('expected a folder without config.json for the export');
  });

  test('a missing path, a folder without weights, and a shard that is not there are named', async () => {
    await expect(loadModel(join(folder, 'none'))).rejects.toThrow('expected a model folder or a .gguf file at');
    const directory = join(folder, 'incomplete');
    await exportModel(directory, randomDecoder(plain), { maxShardBytes: 4000 });
    const shards = (await readdir(directory)).filter((name) => name.endsWith('.safetensors'));
    await rm(join(directory, shards[1]!));
    await expect(loadModel(directory)).rejects.toThrow(shards[1]!);
    await rm(join(directory, 'model.safetensors.index.json'));
    await expect(loadModel(directory)).rejects.toThrow('found neither');
  });

  test.each([
    '../other/model.safetensors',
    '/etc/passwd.safetensors',
    'a\\b.safetensors',
    'model.bin',
    '.hidden.safetensors',
    7,
    `${'x'.repeat(300)}.safetensors`,
  ])('an index that names %s is refused', (shard) => {
    expect(() => parseShardIndex({ weight_map: { 'model.norm.weight': shard } }, 'index')).toThrow(
      'which is no name of a .safetensors file beside it',
    );
  });

  test('an index without a map, or with an empty one, is refused', () => {
    expect(() => parseShardIndex([], 'index')).toThrow('weight_map is no object');
    expect(() => parseShardIndex({ weight_map: {} }, 'index')).toThrow('weight_map is empty');
  });
});

describe('a GGUF file', () => {
  const float = (value: number) => new Uint8Array(Float32Array.of(value).buffer);
  const metadata: [string, number, Uint8Array][] = [
    ['general.architecture', 8, text('llama')],
    ['llama.block_count', 4, uint32(1)],
    ['llama.embedding_length', 4, uint32(4)],
    ['llama.feed_forward_length', 4, uint32(3)],
    ['llama.attention.head_count', 4, uint32(2)],
    ['llama.attention.head_count_kv', 4, uint32(1)],
    ['llama.attention.key_length', 4, uint32(4)],
    ['llama.attention.layer_norm_rms_epsilon', 6, float(1e-5)],
    ['tokenizer.ggml.eos_token_id', 4, uint32(2)],
  ];
  const shapes: Record<string, number[]> = {
    'token_embd.weight': [5, 4],
    'output_norm.weight': [4],
    'blk.0.attn_norm.weight': [4],
    'blk.0.attn_q.weight': [8, 4],
    'blk.0.attn_k.weight': [4, 4],
    'blk.0.attn_v.weight': [4, 4],
    'blk.0.attn_output.weight': [4, 8],
    'blk.0.ffn_norm.weight': [4],
    'blk.0.ffn_gate.weight': [3, 4],
    'blk.0.ffn_up.weight': [3, 4],
    'blk.0.ffn_down.weight': [4, 3],
  };

  /** Every tensor in float32, each element its own index in the tensor. */
  async function write(name: string, entries = metadata): Promise<string> {
    let offset = 0;
    const data: number[] = [];
    const tensors = Object.entries(shapes).map(([tensor, shape]) => {
      const bytes = new Uint8Array(Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i).buffer);
      const info = { name: tensor, shape, type: 0, offset };
      data.push(...bytes, ...new Uint8Array((32 - (bytes.length % 32)) % 32));
      offset = data.length;
      return info;
    });
    const file = join(folder, name);
    await writeFile(file, ggufBytes({ metadata: entries, tensors, data: Uint8Array.from(data) }));
    return file;
  }

  test('rows of queries and keys are put into the order of transformers', async () => {
    const { decoder, files } = await loadModel(await write('llama.gguf'));
    expect(files.architecture).toMatchObject({ family: 'llama', vocabSize: 5, headDim: 4, isHeadTied: true });
    expect(files.generation.endTokens).toEqual([2]);
    const rows = (name: string) => {
      const values = readVariable(decoder.trainable.get(`model.layers.0.self_attn.${name}_proj.weight`)!);
      return Array.from({ length: values.length / 4 }, (_, row) => values[row * 4]! / 4);
    };
    // Each head of four rows is stored as first half, second half, first half, second half.
    expect(rows('q')).toEqual([0, 2, 1, 3, 4, 6, 5, 7]);
    expect(rows('k')).toEqual([0, 2, 1, 3]);
    expect(rows('v')).toEqual([0, 1, 2, 3]);
  });

  test.each<[string, number, Uint8Array, string]>([
    ['general.architecture', 8, text('mamba'), 'expected general.architecture qwen2 (Qwen2, Qwen2.5), qwen3'],
    ['llama.attention.sliding_window', 4, uint32(4096), 'received llama.attention.sliding_window 4096'],
    ['llama.expert_count', 4, uint32(8), 'received llama.expert_count 8'],
    ['llama.rope.dimension_count', 4, uint32(2), 'expected llama.rope.dimension_count 4'],
    ['llama.rope.scaling.type', 8, text('longrope'), 'type none, linear, yarn in'],
    [
      'llama.attention.head_count_kv',
      4,
      uint32(2),
      'model.layers.0.self_attn.k_proj.weight has shape [4, 4], not [8, 4]',
    ],
    ['llama.block_count', 4, uint32(2), 'model.layers.1.input_layernorm.weight is missing'],
    ['llama.embedding_length', 8, text('4'), 'expected llama.embedding_length'],
  ])('refused: %s', async (key, type, value, message) => {
    const entries = [...metadata.filter(([name]) => name !== key), [key, type, value] as [string, number, Uint8Array]];
    await expect(loadModel(await write('refused.gguf', entries))).rejects.toThrow(message);
  });
});
