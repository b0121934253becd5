import type { DecoderArchitecture, WeightType } from '@parl-mt/policy';
import type { ContextConfig, RlConfig, SftConfig } from '@parl-mt/schema';
import { cacheTokens } from './decoder-model.js';
import { cacheBytesPerToken, predictTrainingMemory, type TrainingStepShape, weightBytes } from './training-memory.js';

/** What a run will hold, by what it is for. */
export interface MemoryPlan {
  readonly parts: readonly MemoryPart[];
  /** Bytes, all parts together. */
  readonly total: number;
}

export interface MemoryPart {
  readonly name: string;
  readonly bytes: number;
}

/** The process before it holds a model: Node, TF.js and the addon, as measured. */
const PROGRAM_BYTES = 170e6;

/** What is trained, and beside what. */
export type TrainedParts = Pick<TrainingStepShape, 'lora' | 'weightType'>;

/**
 * Memory of supervised training.
 *
 * @param data.longest - tokens of the longest sequence: it is never cut. @param data.targetShare - predicted tokens of all tokens, 0 to 1.
 */
export function planSftMemory(
  architecture: DecoderArchitecture,
  { batchTokens, gradientCheckpointing }: Pick<SftConfig, 'batchTokens' | 'gradientCheckpointing'>,
  data: { readonly longest: number; readonly targetShare: number },
  trained: TrainedParts,
): MemoryPlan {
  const tokens = Math.max(batchTokens, data.longest);
  const targets = Math.ceil(tokens * data.targetShare);
  return planOf(trainingParts(architecture, tokens, targets, { ...trained, gradientCheckpointing }));
}

/** Memory of reinforcement learning: training steps on micro-batches of sampled tokens, the cache of rollouts, the reference. */
export function planRlMemory(
  architecture: DecoderArchitecture,
  config: Pick<RlConfig, 'batchTokens' | 'context' | 'gradientCheckpointing' | 'groupSize' | 'kl' | 'tasksPerUpdate'>,
  trained: TrainedParts,
): MemoryPlan {
  const { lora } = trained;
  const tokens = Math.max(config.batchTokens, config.context.maxContextTokens);
  // What of a context the policy wrote is not known before: at most all of it.
  const { gradientCheckpointing } = config;
  const training = trainingParts(architecture, tokens, tokens, { ...trained, gradientCheckpointing });
  const episodes = config.groupSize * config.tasksPerUpdate;
  const copied = training.filter(({ name }) => name === (lora === undefined ? 'weights' : 'adapter'));
  const reference = config.kl.kind === 'none' ? [] : [{ name: 'reference policy', bytes: copied[0]!.bytes }];
  return planOf([...training, ...reference, cachePart(architecture, config.context, episodes)]);
}

/** Memory of sampling alone. */
export function planEvaluationMemory(
  architecture: DecoderArchitecture,
  context: ContextConfig,
  episodes: number,
  weightType: WeightType = 'float32',
): MemoryPlan {
  return planOf([
    { name: 'weights', bytes: weightBytes(architecture, weightType) },
    cachePart(architecture, context, episodes),
  ]);
}

function trainingParts(
  architecture: DecoderArchitecture,
  tokens: number,
  targets: number,
  options: Pick<TrainingStepShape, 'gradientCheckpointing' | 'lora' | 'weightType'>,
): MemoryPart[] {
  const memory = predictTrainingMemory(architecture, { tokens, targets, ...options });
  return [
    { name: 'weights', bytes: memory.weights },
    ...(options.lora === undefined ? [] : [{ name: 'adapter', bytes: memory.adapter }]),
    { name: 'optimizer moments', bytes: memory.moments },
    { name: 'gradients', bytes: memory.gradients },
    { name: `activations of ${tokens} tokens`, bytes: memory.activations + memory.transient },
  ];
}

function cachePart(
  architecture: DecoderArchitecture,
  { maxContextTokens }: ContextConfig,
  episodes: number,
): MemoryPart {
  const tokens = Math.min(cacheTokens(architecture, maxContextTokens), episodes * maxContextTokens);
  return { name: `keys and values of ${tokens} tokens`, bytes: tokens * cacheBytesPerToken(architecture) };
}

function planOf(parts: readonly MemoryPart[]): MemoryPlan {
  const all = [...parts, { name: 'program', bytes: PROGRAM_BYTES }];
  return { parts: all, total: all.reduce((sum, { bytes }) => sum + bytes, 0) };
}
