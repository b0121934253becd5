import type { DecoderArchitecture } from '../architectures/decoder-architecture.js';
import { ROPE_FREQUENCIES } from '../architectures/gguf-architecture.js';
import { EMBEDDING, FINAL_NORM, HEAD, type LayerWeightName, layerWeight } from '../decoder-weights.js';
import type { GgufFile } from './gguf-file.js';
import type { StoredTensorInfo, TensorSource } from './tensor-source.js';

/** Hugging Face's names of what stands outside the layers. */
const outerNames: Readonly<Record<string, string>> = {
  'token_embd.weight': EMBEDDING,
  'output_norm.weight': FINAL_NORM,
  'output.weight': HEAD,
};

/** The same for `blk.N.NAME`. */
const layerNames: Readonly<Record<string, LayerWeightName>> = {
  'attn_norm.weight': 'input_layernorm.weight',
  'attn_q.weight': 'self_attn.q_proj.weight',
  'attn_q.bias': 'self_attn.q_proj.bias',
  'attn_k.weight': 'self_attn.k_proj.weight',
  'attn_k.bias': 'self_attn.k_proj.bias',
  'attn_v.weight': 'self_attn.v_proj.weight',
  'attn_v.bias': 'self_attn.v_proj.bias',
  'attn_q_norm.weight': 'self_attn.q_norm.weight',
  'attn_k_norm.weight': 'self_attn.k_norm.weight',
  'attn_output.weight': 'self_attn.o_proj.weight',
  'ffn_norm.weight': 'post_attention_layernorm.weight',
  'ffn_gate.weight': 'mlp.gate_proj.weight',
  'ffn_up.weight': 'mlp.up_proj.weight',
  'ffn_down.weight': 'mlp.down_proj.weight',
};

/** Hugging Face's name of a GGUF tensor; its own where there is none. */
export function huggingFaceName(name: string): string {
  const outer = Object.hasOwn(outerNames, name) ? outerNames[name] : undefined;
  if (outer !== undefined) return outer;
  const [, layer, part] = /^blk\.(\d+)\.(.+)$/.exec(name) ?? [];
  if (part === undefined || !Object.hasOwn(layerNames, part)) return name;
  return layerWeight(Number(layer), layerNames[part]!);
}

/**
 * The weights of a GGUF file by Hugging Face's names and in its order of rows: architecture `llama` stores the two rotary halves
 * of each query and key head interleaved, which is undone.
 */
export class GgufWeights implements TensorSource {
  readonly where: string;
  readonly tensors: ReadonlyMap<string, StoredTensorInfo>;
  readonly #file: GgufFile;
  readonly #architecture: DecoderArchitecture;
  readonly #fileNames: ReadonlyMap<string, string>;

  /** Takes over the file: disposing the weights closes it. */
  constructor(file: GgufFile, architecture: DecoderArchitecture) {
    this.#file = file;
    this.#architecture = architecture;
    this.where = file.where;
    // The frequencies became part of the architecture.
    const names = [...file.tensors.keys()].filter((name) => name !== ROPE_FREQUENCIES);
    this.#fileNames = new Map(names.map((name) => [huggingFaceName(name), name]));
    this.tensors = new Map([...this.#fileNames].map(([ours, theirs]) => [ours, file.tensors.get(theirs)!]));
  }

  async read(name: string, out: Float32Array): Promise<void> {
    await this.#file.read(this.#fileNames.get(name) ?? name, out);
    const isRotary = /\.self_attn\.[qk]_proj\.weight$/.test(name);
    if (isRotary && this.#architecture.family === 'llama') separateRotaryHalves(out, this.#architecture);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file[Symbol.asyncDispose]();
  }
}

/** Rows of each head come as 0, h/2, 1, h/2 + 1, ... and go to 0, 1, ..., in place. */
function separateRotaryHalves(matrix: Float32Array, { headDim, hiddenSize }: DecoderArchitecture): void {
  const headFloats = headDim * hiddenSize;
  const head = new Float32Array(headFloats);
  for (let start = 0; start + headFloats <= matrix.length; start += headFloats) {
    head.set(matrix.subarray(start, start + headFloats));
    for (let row = 0; row < headDim; row += 1) {
      const target = (row % 2) * (headDim / 2) + Math.floor(row / 2);
      matrix.set(head.subarray(row * hiddenSize, (row + 1) * hiddenSize), start + target * hiddenSize);
    }
  }
}
