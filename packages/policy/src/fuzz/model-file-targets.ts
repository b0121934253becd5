import { UsageError } from '@parl-mt/schema';
import { architectureFromConfigJson } from '../architectures/config-json.js';
import { loraConfigFromPeft } from '../lora/adapter-files.js';
import { generationDefaults } from '../model-files/generation-config.js';
import { ggufBytes, text, uint32, uint64 } from '../model-files/gguf.testing.js';
import { parseGgufHeader } from '../model-files/gguf-header.js';
import { parseSafetensorsHeader, safetensorsHeaderBytes } from '../model-files/safetensors-header.js';
import { parseShardIndex } from '../model-files/sharded-safetensors.js';
import type { FuzzTarget } from './fuzz-target.js';

/** Headers and configurations of model files. */
export const modelFileTargets: readonly FuzzTarget[] = [
  {
    name: 'safetensors',
    seeds: [
      safetensors({ __metadata__: { format: 'pt' }, a: f32([2, 3], 0), 'b.weight': bf16([5], 24) }, 34),
      safetensors(
        { 'model.layers.0.self_attn.q_proj.weight': f32([4], 0), empty: f32([0, 7], 16), one: f32([], 16) },
        20,
      ),
    ],
    parse(bytes) {
      const headerBytes = safetensorsHeaderBytes(bytes.subarray(0, 8), bytes.length, 'fuzz');
      const { entries } = parseSafetensorsHeader(bytes.subarray(8, 8 + headerBytes), bytes.length, 'fuzz');
      const size = { F32: 4, F16: 2, BF16: 2 };
      expectPlaced(
        [...entries.values()].map((entry) => ({ ...entry, bytesEach: size[entry.type] })),
        bytes.length,
      );
    },
  },
  {
    name: 'gguf',
    seeds: [
      ggufBytes({
        metadata: [
          ['general.architecture', 8, text('llama')],
          ['general.alignment', 4, uint32(64)],
          ['tokens', 9, Uint8Array.from([...uint32(8), ...uint64(3), ...text('a'), ...text('bc'), ...text('')])],
          ['scores', 9, Uint8Array.from([...uint32(6), ...uint64(2), ...new Uint8Array(8)])],
          ['deep', 9, Uint8Array.from([...uint32(9), ...uint64(1), ...uint32(7), ...uint64(2), 1, 0])],
        ],
        tensors: [
          { name: 'token_embd.weight', shape: [2, 32], type: 8, offset: 0 },
          { name: 'output_norm.weight', shape: [3], type: 0, offset: 128 },
        ],
        data: new Uint8Array(140),
        alignment: 64,
      }),
      ggufBytes({ tensors: [{ name: 't', shape: [1, 256], type: 14, offset: 0 }], data: new Uint8Array(210) }),
    ],
    parse(bytes) {
      // Each tensor of a quantised type takes less than four bytes an element: only placement is checked again.
      const { tensors } = parseGgufHeader(bytes, bytes.length, 'fuzz');
      expectPlaced([...tensors.values()], bytes.length);
    },
  },
  json(
    'shard index',
    { metadata: { total_size: 8 }, weight_map: { a: 'model-00001-of-00002.safetensors', b: 'x.safetensors' } },
    (value) => {
      for (const shard of parseShardIndex(value, 'fuzz').values()) {
        if (/[/\\]|^\./.test(shard)) throw new Error(`a shard leads out of the folder: ${shard}`);
      }
    },
  ),
  json(
    'config.json',
    {
      model_type: 'llama',
      vocab_size: 100,
      hidden_size: 72,
      num_hidden_layers: 2,
      num_attention_heads: 6,
      num_key_value_heads: 3,
      head_dim: 16,
      intermediate_size: 168,
      rms_norm_eps: 1e-5,
      rope_theta: 10000,
      rope_scaling: { rope_type: 'yarn', factor: 8, original_max_position_embeddings: 64 },
    },
    (value) => architectureFromConfigJson(value, 'fuzz'),
  ),
  json('generation_config.json', { eos_token_id: [1, 2], temperature: 0.5, top_k: 20, do_sample: true }, (value) =>
    generationDefaults(value, {}, 'fuzz', 100),
  ),
  json(
    'adapter_config.json',
    {
      peft_type: 'LORA',
      r: 8,
      lora_alpha: 16,
      target_modules: ['q_proj'],
      rank_pattern: { up_proj: 2 },
      use_dora: false,
    },
    (value) => loraConfigFromPeft(value, 'fuzz'),
  ),
];

function f32(shape: number[], begin: number): object {
  return { dtype: 'F32', shape, data_offsets: [begin, begin + 4 * shape.reduce((a, b) => a * b, 1)] };
}
function bf16(shape: number[], begin: number): object {
  return { dtype: 'BF16', shape, data_offsets: [begin, begin + 2 * shape.reduce((a, b) => a * b, 1)] };
}

function safetensors(header: object, dataBytes: number): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(header));
  return Uint8Array.from([...uint64(json.length), ...json, ...new Uint8Array(dataBytes)]);
}

/** A file that is JSON: what cannot be parsed is refused by its reader. */
function json(name: string, seed: object, parse: (value: unknown) => unknown): FuzzTarget {
  return {
    name,
    seeds: [new TextEncoder().encode(JSON.stringify(seed))],
    parse(bytes) {
      let value: unknown;
      try {
        value = JSON.parse(new TextDecoder().decode(bytes));
      } catch (error) {
        throw new UsageError('expected JSON', { cause: error });
      }
      parse(value);
    },
  };
}

/** What was accepted lies in the file, apart from each other, and has the size of its shape. */
function expectPlaced(
  tensors: readonly {
    readonly begin: number;
    readonly end: number;
    readonly shape: readonly number[];
    readonly bytesEach?: number;
  }[],
  fileBytes: number,
): void {
  let last = 0;
  for (const { begin, end, shape, bytesEach } of [...tensors].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    const elements = shape.reduce((a, b) => a * b, 1);
    const isSized = bytesEach === undefined ? end > begin : end - begin === elements * bytesEach;
    if (begin < last || end > fileBytes || !isSized)
      throw new Error(`accepted a tensor at ${begin}..${end} of ${fileBytes}`);
    last = end;
  }
}
