import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import {
  type LoraConfig,
  type LoraTarget,
  loraConfigSchema,
  loraTargets,
  parseConfig,
  UsageError,
} from '@parl-mt/schema';
import { readVariable } from '@parl-mt/tfjs-backend';
import { ConfigFields, shown } from '../architectures/config-fields.js';
import type { DecoderArchitecture } from '../architectures/decoder-architecture.js';
import { readJsonFile } from '../model-files/load-model.js';
import { SafetensorsFile } from '../model-files/safetensors-file.js';
import { elementCount, type StoredTensorInfo } from '../model-files/tensor-source.js';
import { writeSafetensors } from '../safetensors.js';
import { writeAtomically } from '../write-atomically.js';
import { adapterKey, LoraAdapter, type LoraMatrices, patternValue } from './lora-adapter.js';

const CONFIG_FILE = 'adapter_config.json';
const WEIGHTS_FILE = 'adapter_model.safetensors';

/**
 * Reads a LoRA adapter as PEFT saves it: `adapter_config.json` and `adapter_model.safetensors`. The modules are those that the
 * file has matrices of.
 *
 * @throws {UsageError} for another kind of adapter or an option that is not supported, for matrices without a partner or of
 *   another rank than the configuration says, and for modules that the decoder does not have.
 */
export async function loadAdapter(folder: string, architecture: DecoderArchitecture): Promise<LoraAdapter> {
  const configPath = path.join(folder, CONFIG_FILE);
  const config = loraConfigFromPeft(await readJsonFile(configPath), configPath);
  await using file = await SafetensorsFile.open(path.join(folder, WEIGHTS_FILE));
  const matrices = new Map<string, LoraMatrices>();
  for (const module of modulesOf(file.tensors, file.where)) {
    const [a, b] = (['A', 'B'] as const).map((matrix) => file.tensors.get(adapterKey(module, matrix))?.shape);
    if (a?.length !== 2 || b?.length !== 2 || a[0] !== b[1]) {
      throw new UsageError(
        `expected lora_A [r, in] and lora_B [out, r] of ${module} in ${file.where}, received ` +
          `[${a?.join(', ') ?? 'none'}] and [${b?.join(', ') ?? 'none'}]`,
      );
    }
    const rank = patternValue(config.rankPattern, module) ?? config.rank;
    if (a[0] !== rank) {
      throw new UsageError(
        `expected rank ${rank} for ${module}, as ${configPath} says, received matrices of rank ${a[0]}`,
      );
    }
    const read = async (matrix: 'A' | 'B', shape: readonly number[]) => {
      const values = new Float32Array(elementCount(shape));
      await file.read(adapterKey(module, matrix), values);
      return values;
    };
    matrices.set(module, { a: await read('A', a), b: await read('B', b), rank });
  }
  return LoraAdapter.fromMatrices(architecture, config, matrices);
}

function modulesOf(tensors: ReadonlyMap<string, StoredTensorInfo>, where: string): Set<string> {
  const modules = new Set<string>();
  for (const name of tensors.keys()) {
    const [, module] = /^base_model\.model\.(.+)\.lora_[AB]\.weight$/.exec(name) ?? [];
    if (module === undefined) {
      throw new UsageError(
        `expected tensors base_model.model.MODULE.lora_A.weight and lora_B.weight in ${where}, received ${name.slice(0, 200)}`,
      );
    }
    modules.add(module);
  }
  if (modules.size === 0) throw new UsageError(`expected LoRA matrices in ${where}, found none`);
  return modules;
}

/** Options of PEFT that change the arithmetic, each with the value that is built. */
const plainOptions: Readonly<Record<string, readonly unknown[]>> = {
  use_dora: [false],
  use_qalora: [false],
  use_bdlora: [false],
  lora_bias: [false],
  fan_in_fan_out: [false],
  bias: ['none'],
};
/** Options that must be absent: they add other tensors. */
const absentOptions = ['modules_to_save', 'trainable_token_indices', 'layer_replication', 'target_parameters'];

/** @throws {UsageError} when it is no LoRA adapter, or one with options that are not supported. */
export function loraConfigFromPeft(json: unknown, where: string): LoraConfig {
  const fields = new ConfigFields(json, where);
  fields.only('peft_type', ['LORA'], 'other kinds of adapters are not built');
  if (!fields.has('peft_type')) throw new UsageError(`expected peft_type LORA in ${where}, received none`);
  for (const [name, accepted] of Object.entries(plainOptions)) {
    fields.only(name, accepted, 'such adapters are not built');
  }
  for (const name of absentOptions) {
    const value = fields.raw(name);
    const isEmpty = value === undefined || (Array.isArray(value) && value.length === 0);
    if (!isEmpty) throw new UsageError(`expected no ${name} in ${where}, received ${shown(value)}: this is not built`);
  }
  return parseConfig(
    loraConfigSchema,
    {
      rank: fields.raw('r'),
      alpha: fields.raw('lora_alpha'),
      useRsLora: fields.raw('use_rslora') ?? false,
      dropout: fields.raw('lora_dropout') ?? 0,
      targets: targetsOf(fields.raw('target_modules')),
      rankPattern: plainPattern(fields, 'rank_pattern'),
      alphaPattern: plainPattern(fields, 'alpha_pattern'),
    },
    where,
  );
}

/** The last parts of the names; a regular expression or "all-linear" stands for all. */
function targetsOf(targets: unknown): LoraTarget[] {
  if (!Array.isArray(targets)) return [...loraTargets];
  const found = loraTargets.filter((target) =>
    targets.some((name) => typeof name === 'string' && (name === target || name.endsWith(`.${target}`))),
  );
  return found.length > 0 ? found : [...loraTargets];
}

/** PEFT takes the keys for regular expressions; names with plain dots are what is read here. */
function plainPattern(fields: ConfigFields, name: string): Readonly<Record<string, unknown>> {
  const pattern = fields.raw(name) ?? {};
  for (const key of typeof pattern === 'object' ? Object.keys(pattern as object) : []) {
    if (!/^\^?[A-Za-z0-9_.]+$/.test(key)) {
      throw new UsageError(`expected module names as keys of ${name} in ${fields.where}, received ${shown(key)}`);
    }
  }
  return pattern as Readonly<Record<string, unknown>>;
}

/**
 * Writes an adapter as PEFT loads it; each file atomically, the configuration last.
 *
 * @param baseModel - name or path of the model that it belongs to. @param revision - its commit, where it is one of the hub.
 */
export async function saveAdapter(
  folder: string,
  adapter: LoraAdapter,
  baseModel: string,
  revision?: string,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const tensors = new Map(
    [...adapter.variables].map(([name, variable]) => [name, { shape: variable.shape, values: readVariable(variable) }]),
  );
  await writeSafetensors(path.join(folder, WEIGHTS_FILE), tensors);
  const { rank, alpha, useRsLora, dropout, rankPattern, alphaPattern } = adapter.config;
  const json = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: baseModel,
    ...(revision === undefined ? {} : { revision }),
    r: rank,
    lora_alpha: alpha,
    use_rslora: useRsLora,
    rank_pattern: rankPattern,
    alpha_pattern: alphaPattern,
    target_modules: targetModules(adapter),
    lora_dropout: dropout,
    bias: 'none',
    fan_in_fan_out: false,
    use_dora: false,
    init_lora_weights: true,
    inference_mode: true,
    modules_to_save: null,
  };
  await writeAtomically(path.join(folder, CONFIG_FILE), [`${JSON.stringify(json, null, 2)}\n`]);
}

/** Short names where every layer has them alike, else the full names. */
function targetModules({ pairs }: LoraAdapter): string[] {
  const layersOf = new Map<string, number>();
  for (const module of pairs.keys()) {
    const target = module.split('.').at(-1)!;
    layersOf.set(target, (layersOf.get(target) ?? 0) + 1);
  }
  const layers = new Set([...pairs.keys()].map((module) => module.split('.')[2]));
  const isEven = [...layersOf.values()].every((count) => count === layers.size);
  const isContiguous = [...layers].every((layer) => Number(layer) < layers.size);
  return isEven && isContiguous ? [...layersOf.keys()] : [...pairs.keys()];
}
