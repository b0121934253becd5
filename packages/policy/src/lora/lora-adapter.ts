import { type LoraConfig, type LoraTarget, loraTargets, UsageError } from '@parl-mt/schema';
import { type Dropout, tf } from '@parl-mt/tfjs-backend';
import type { DecoderArchitecture } from '../architectures/decoder-architecture.js';
import { layerWeight, weightShapes } from '../decoder-weights.js';
import { philox } from '../philox.js';

/** The adapter of one linear map: W x + scale B A x. */
export interface LoraPair {
  /** [rank, in]. */
  readonly a: tf.Variable;
  /** [out, rank]. */
  readonly b: tf.Variable;
  readonly scale: number;
}

/** Full name of a linear map, e.g. `model.layers.0.self_attn.q_proj`. */
export function moduleName(layer: number, target: LoraTarget): string {
  const block = target === 'gate_proj' || target === 'up_proj' || target === 'down_proj' ? 'mlp' : 'self_attn';
  return layerWeight(layer, `${block}.${target}.weight` as Parameters<typeof layerWeight>[1]).slice(
    0,
    -'.weight'.length,
  );
}

/**
 * Low-rank matrices beside the linear maps of a decoder. They are variables of their own: `Decoder.attach` makes the decoder
 * compute with them, and train them alone.
 *
 * @see Hu et al. 2021, arXiv:2106.09685; rank-stabilised scaling: Kalajdzievski 2023, arXiv:2312.03732.
 */
export class LoraAdapter {
  readonly config: LoraConfig;
  /** By module name. */
  readonly pairs: ReadonlyMap<string, LoraPair>;
  /** Of the random numbers of dropout, in [0, 2^53). */
  readonly seed: number;

  private constructor(config: LoraConfig, pairs: ReadonlyMap<string, LoraPair>, seed: number) {
    this.config = config;
    this.pairs = pairs;
    this.seed = seed;
  }

  /**
   * A fresh adapter, which changes nothing yet: A is uniform in +-1 / sqrt(in) (PEFT's choice), B is zero. Module number i
   * draws from Philox stream i of the seed.
   *
   * @throws {UsageError} when a pattern names no module.
   */
  static create(architecture: DecoderArchitecture, config: LoraConfig, seed: number): LoraAdapter {
    const shapes = weightShapes(architecture);
    const matrices = new Map<string, LoraMatrices>();
    for (let layer = 0; layer < architecture.numLayers; layer += 1) {
      for (const target of loraTargets) {
        if (!config.targets.includes(target)) continue;
        const module = moduleName(layer, target);
        const [out, width] = shapes.get(`${module}.weight`) as [number, number];
        const rank = patternValue(config.rankPattern, module) ?? config.rank;
        const a = new Float32Array(rank * width);
        fillUniform(a, 1 / Math.sqrt(width), seed, matrices.size);
        matrices.set(module, { a, b: new Float32Array(out * rank), rank });
      }
    }
    expectPatternsUsed(config, [...matrices.keys()]);
    return LoraAdapter.fromMatrices(architecture, config, matrices, seed);
  }

  /**
   * Takes over the arrays.
   * @throws {UsageError} when a module is no linear map of the decoder, or a matrix has the wrong size.
   */
  static fromMatrices(
    architecture: DecoderArchitecture,
    config: LoraConfig,
    matrices: ReadonlyMap<string, LoraMatrices>,
    seed = 0,
  ): LoraAdapter {
    const modules = linearModules(architecture);
    const pairs = new Map<string, LoraPair>();
    for (const [module, { a, b, rank }] of matrices) {
      const shape = modules.get(module);
      if (shape === undefined) {
        throw new UsageError(
          `expected adapters of ${loraTargets.join(', ')} in ${architecture.numLayers} layers, received one of ${module}`,
        );
      }
      const [out, width] = shape;
      if (a.length !== rank * width || b.length !== out * rank) {
        throw new UsageError(
          `expected A [${rank}, ${width}] and B [${out}, ${rank}] for ${module}, received ${a.length} and ${b.length} values`,
        );
      }
      const alpha = patternValue(config.alphaPattern, module) ?? config.alpha;
      pairs.set(module, {
        ...tf.tidy(() => ({
          a: tf.variable(tf.tensor(a, [rank, width], 'float32')),
          b: tf.variable(tf.tensor(b, [out, rank], 'float32')),
        })),
        scale: alpha / (config.useRsLora ? Math.sqrt(rank) : rank),
      });
    }
    return new LoraAdapter(config, pairs, seed);
  }

  /** An adapter with matrices of its own, equal now. */
  copy(): LoraAdapter {
    const pairs = new Map<string, LoraPair>();
    for (const [module, { a, b, scale }] of this.pairs) {
      pairs.set(module, { ...tf.tidy(() => ({ a: tf.variable(tf.clone(a)), b: tf.variable(tf.clone(b)) })), scale });
    }
    return new LoraAdapter(this.config, pairs, this.seed);
  }

  /** The trained variables by PEFT's names: `base_model.model.MODULE.lora_A.weight`. */
  get variables(): Map<string, tf.Variable> {
    const all = new Map<string, tf.Variable>();
    for (const [module, { a, b }] of this.pairs) {
      all.set(adapterKey(module, 'A'), a);
      all.set(adapterKey(module, 'B'), b);
    }
    return all;
  }

  get parameterCount(): number {
    return [...this.variables.values()].reduce((sum, { size }) => sum + size, 0);
  }

  pair(layer: number, target: LoraTarget): LoraPair | undefined {
    return this.pairs.get(moduleName(layer, target));
  }

  /** What training drops of the input of A in a step; undefined where it drops nothing. */
  dropoutOf(layer: number, target: LoraTarget, step: number | undefined): Dropout | undefined {
    const { dropout: rate } = this.config;
    if (step === undefined || rate === 0) return undefined;
    return { rate, seed: this.seed, stream: layer * loraTargets.length + loraTargets.indexOf(target), step };
  }

  /** Frees the matrices. */
  dispose(): void {
    for (const { a, b } of this.pairs.values()) tf.dispose([a, b]);
  }
}

/** The matrices of one module before they are variables. */
export interface LoraMatrices {
  /** [rank, in]. */
  readonly a: Float32Array;
  /** [out, rank]. */
  readonly b: Float32Array;
  readonly rank: number;
}

/** Parameters of a fresh adapter, without making it. */
export function adapterParameterCount(architecture: DecoderArchitecture, config: LoraConfig): number {
  let count = 0;
  for (const [module, [out, width]] of linearModules(architecture)) {
    if (!config.targets.some((target) => module.endsWith(`.${target}`))) continue;
    count += (patternValue(config.rankPattern, module) ?? config.rank) * (out + width);
  }
  return count;
}

/** PEFT's name of a matrix in `adapter_model.safetensors`. */
export function adapterKey(module: string, matrix: 'A' | 'B'): string {
  return `base_model.model.${module}.lora_${matrix}.weight`;
}

/** Shape [out, in] of every linear map that can have an adapter. */
function linearModules(architecture: DecoderArchitecture): Map<string, readonly [number, number]> {
  const shapes = weightShapes(architecture);
  const modules = new Map<string, readonly [number, number]>();
  for (let layer = 0; layer < architecture.numLayers; layer += 1) {
    for (const target of loraTargets) {
      const module = moduleName(layer, target);
      modules.set(module, shapes.get(`${module}.weight`) as [number, number]);
    }
  }
  return modules;
}

/** The value of the first key that is the module's name or the end of it, after a dot. `^` asks for the whole name. */
export function patternValue(pattern: Readonly<Record<string, number>>, module: string): number | undefined {
  for (const [key, value] of Object.entries(pattern)) {
    const name = key.startsWith('^') ? key.slice(1) : key;
    if (module === name || (!key.startsWith('^') && module.endsWith(`.${name}`))) return value;
  }
  return undefined;
}

function expectPatternsUsed({ rankPattern, alphaPattern }: LoraConfig, modules: readonly string[]): void {
  for (const [name, pattern] of Object.entries({ rankPattern, alphaPattern })) {
    for (const key of Object.keys(pattern)) {
      if (!modules.some((module) => patternValue({ [key]: 1 }, module) !== undefined)) {
        throw new UsageError(`expected ${name} to name an adapted module, received ${key}`);
      }
    }
  }
}

/** Uniform numbers in [-bound, bound), one 32-bit word each. */
function fillUniform(out: Float32Array, bound: number, seed: number, stream: number): void {
  for (let i = 0; i < out.length; i += 4) {
    const words = philox(seed, i / 4, stream);
    for (let j = 0; j < 4 && i + j < out.length; j += 1) out[i + j] = bound * (words[j]! / 2 ** 31 - 1);
  }
}
