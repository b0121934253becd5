import { readPagRecords } from '@parl-mt/pag';
import { ownArchitecture, Tokenizer } from '@parl-mt/policy';
import {
  describePolicy,
  type MemoryPlan,
  PolicyDescription,
  parameterCount,
  planEvaluationMemory,
  planRlMemory,
  planSftMemory,
  predictTrainingMemory,
} from '@parl-mt/rl';
import {
  type EvaluateRunConfig,
  type LoraConfig,
  type PagRecord,
  type SftRunConfig,
  type TrainRunConfig,
  UsageError,
} from '@parl-mt/schema';
import { datasetFile } from './dataset-file.js';
import { trainDatasetTokenizer } from './dataset-tokenizer.js';
import { type EncodedRecords, type EncodingOptions, encodeRecords } from './encode-records.js';

/** What a run would do and hold, found out without weights. */
export interface RunPlan {
  /** In the order they are shown. */
  readonly facts: Readonly<Record<string, number | string>>;
  readonly memory: MemoryPlan;
}

/** What a run of supervised training needs before its weights. */
export interface SftPreparation {
  readonly plan: RunPlan;
  readonly records: readonly PagRecord[];
  readonly encoded: EncodedRecords;
  readonly description: PolicyDescription;
}

/** @throws {UsageError} as the run would, for files that cannot be read and records that do not fit. */
export async function planSft(config: SftRunConfig): Promise<RunPlan> {
  return (await prepareSft(config)).plan;
}

/**
 * Reads and encodes the records, and finds out what training on them takes.
 *
 * @param options.onRecords - how many there are, before they are encoded.
 * @throws {UsageError} for files that cannot be read and records that do not fit.
 * @throws {CancelledError} when the signal is aborted.
 */
export async function prepareSft(
  config: SftRunConfig,
  { onRecords, ...options }: EncodingOptions & { readonly onRecords?: (count: number) => void } = {},
): Promise<SftPreparation> {
  const file = datasetFile(config.dataset, 'train');
  const records = await readPagRecords(file);
  if (records.length === 0) throw new UsageError(`expected at least one record in ${file}, received none`);
  onRecords?.(records.length);
  const description =
    config.base === undefined
      ? freshDescription(config, records)
      : await describePolicy(config.base, config.pretrained);
  const codec = description.codec(config.sft.context.mode);
  const encoded = await encodeRecords(records, codec, config.sft.context, options);
  const { sequences, overflowed } = encoded;
  const lengths = sequences.map(({ tokens }) => tokens.length);
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  const targets = sequences.reduce((sum, { lossMask }) => sum + lossMask.reduce((a, b) => a + b, 0), 0);
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  const lora = tunedAdapter(description, config);
  const plan: RunPlan = {
    facts: {
      ...parameterFacts(description, lora),
      records: records.length,
      'records that do not fit': overflowed,
      sequences: sequences.length,
      'tokens of an epoch': tokens,
      'predicted tokens of an epoch': targets,
      'longest sequence': longest,
      'tokens to train on': config.sft.tokenBudget,
    },
    memory: planSftMemory(
      description.architecture,
      config.sft,
      { longest, targetShare: targets / tokens },
      { lora, weightType: config.base === undefined ? 'float32' : config.pretrained.weights },
    ),
  };
  return { plan, records, encoded, description };
}

export async function planTrain(config: TrainRunConfig): Promise<RunPlan> {
  const description = await describePolicy(config.init, config.pretrained);
  const lora = tunedAdapter(description, config);
  return {
    facts: {
      ...parameterFacts(description, lora),
      'episodes of an update': config.rl.groupSize * config.rl.tasksPerUpdate,
      'tokens to sample': config.rl.sampledTokenBudget,
    },
    memory: planRlMemory(description.architecture, config.rl, { lora, weightType: config.pretrained.weights }),
  };
}

export async function planEvaluate(config: EvaluateRunConfig): Promise<RunPlan> {
  if (config.policy.kind !== 'checkpoint') throw new UsageError('expected a policy of kind checkpoint for a dry run');
  const description = await describePolicy(config.policy.path, config.pretrained);
  return {
    facts: { parameters: parameterCount(description.architecture) },
    memory: planEvaluationMemory(description.architecture, config.evaluation.context, 64, config.pretrained.weights),
  };
}

function freshDescription({ model }: SftRunConfig, records: readonly PagRecord[]): PolicyDescription {
  const tokenizerJson = trainDatasetTokenizer(records, model.vocabSize);
  const { vocabSize } = new Tokenizer(tokenizerJson);
  return PolicyDescription.own(ownArchitecture({ ...model, vocabSize }), tokenizerJson);
}

/** The adapter that would be trained: the one that is there, or a fresh one. */
function tunedAdapter(
  { lora }: PolicyDescription,
  config: Pick<TrainRunConfig, 'tuning' | 'lora'>,
): LoraConfig | undefined {
  return config.tuning === 'lora' ? (lora ?? config.lora) : undefined;
}

function parameterFacts({ architecture }: PolicyDescription, lora: LoraConfig | undefined): Record<string, number> {
  const { adapter } = predictTrainingMemory(architecture, { tokens: 0, targets: 0, lora });
  const parameters = parameterCount(architecture);
  return {
    parameters,
    'trained parameters': lora === undefined ? parameters : adapter / Float32Array.BYTES_PER_ELEMENT,
  };
}
