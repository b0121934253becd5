import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { type Decoder, writeAtomically } from '@parl-mt/policy';
import {
  copyingExamples,
  DecoderModel,
  MetricsFile,
  type Policy,
  type SftExample,
  trainRl,
  trainSft,
} from '@parl-mt/rl';
import type { JobContext, PagRecord, RlConfig, SftConfig, Task, Trajectory } from '@parl-mt/schema';
import { type EncodedRecords, encodeRecords } from './encode-records.js';

export interface SftStage {
  readonly name: string;
  readonly policy: Policy;
  readonly records: readonly PagRecord[];
  readonly config: SftConfig;
  readonly context: JobContext;
  /** The records as the policy reads them. Default: they are encoded here. */
  readonly encoded?: EncodedRecords | undefined;
}

/** Supervised training on records, with progress, metrics and checkpoints. Returns tokens seen. */
export async function runSftStage({ name, policy, records, config, context, encoded }: SftStage): Promise<number> {
  const { decoder } = policy;
  const { signal } = context;
  const { sequences, overflowed } =
    encoded ?? (await encodeRecords(records, policy.codec(config.context.mode), config.context, { signal }));
  if (overflowed > 0) {
    context.reporter.log(`${overflowed} of ${records.length} records do not fit the context and are left out`);
  }
  return await imitate(name, decoder, sequences, { config, context });
}

/** Trains fresh weights on copying, if the configuration asks for it. Returns tokens seen. */
export async function runCopyingStage(decoder: Decoder, config: SftConfig, context: JobContext): Promise<number> {
  const tokenBudget = config.copyingTokenBudget;
  if (tokenBudget === 0) return 0;
  context.reporter.stage('copying', tokenBudget);
  const examples = copyingExamples(tokenBudget, { vocabSize: decoder.architecture.vocabSize, seed: config.seed });
  return await imitate('copying', decoder, examples, { config: { ...config, tokenBudget }, context });
}

/** Supervised training, with progress, metrics and checkpoints. Returns tokens seen. */
async function imitate(
  name: string,
  decoder: Decoder,
  sequences: readonly SftExample[],
  { config, context }: { readonly config: SftConfig; readonly context: JobContext },
): Promise<number> {
  const folder = await stageFolder(context.outDir, name);
  using metrics = new MetricsFile(path.join(context.outDir, 'metrics.jsonl'));
  return await trainSft(decoder, sequences, config, {
    checkpointFolder: path.join(folder, 'checkpoints'),
    signal: context.signal,
    onUpdate: (update) => {
      metrics.write({ stage: name, ...update });
      context.reporter.metric({ stage: name, ...update });
      context.reporter.progress(Math.min(update.tokensSeen, config.tokenBudget), {
        loss: round(update.loss, 3),
        'tokens/s': Math.round(update.tokensPerSecond),
      });
    },
  });
}

export interface RlStage {
  readonly name: string;
  readonly policy: Policy;
  readonly tasks: readonly Task[];
  /** Tasks that are not trained on; see `RlOptions.monitorTasks`. */
  readonly monitorTasks: readonly Task[];
  readonly config: RlConfig;
  readonly context: JobContext;
}

/** Reinforcement learning on tasks, with progress, metrics, trajectories and checkpoints. */
export async function runRlStage({ name, policy, tasks, monitorTasks, config, context }: RlStage) {
  const folder = await stageFolder(context.outDir, name);
  using metrics = new MetricsFile(path.join(context.outDir, 'metrics.jsonl'));
  using samples = new MetricsFile(path.join(folder, 'trajectories.jsonl'));
  using model = new DecoderModel(policy.decoder, policy.codec(config.context.mode), config.context);
  return await trainRl(policy.decoder, model, tasks, config, {
    checkpointFolder: path.join(folder, 'checkpoints'),
    signal: context.signal,
    monitorTasks,
    onMonitor: ({ update, sampledTokens, monitor }) => {
      const metric = { stage: `${name}: monitor`, update, sampledTokens, ...monitor };
      metrics.write(metric);
      context.reporter.metric(metric);
    },
    onTrajectories: (update, trajectories) => {
      // One group of each update: enough to see what the policy does, without gigabytes of tokens.
      for (const trajectory of trajectories.slice(0, config.groupSize))
        samples.write({ update, ...withoutPrompts(trajectory) });
    },
    onUpdate: (update) => {
      metrics.write({ stage: name, ...update });
      context.reporter.metric({ stage: name, ...update });
      context.reporter.progress(Math.min(update.sampledTokens, config.sampledTokenBudget), {
        update: update.update,
        reward: round(update.reward, 3),
        success: round(update.success, 3),
      });
    },
  });
}

/** Whole trajectories, one per line, atomically. */
export async function writeTrajectories(file: string, trajectories: readonly Trajectory[]): Promise<void> {
  await writeAtomically(
    file,
    trajectories.map((trajectory) => `${JSON.stringify(trajectory)}\n`),
  );
}

async function stageFolder(outDir: string, name: string): Promise<string> {
  const folder = path.join(outDir, name.toLowerCase().replace(/[^a-z0-9]+/g, '-'));
  await mkdir(folder, { recursive: true });
  return folder;
}

function withoutPrompts(trajectory: Trajectory): Trajectory {
  return { ...trajectory, steps: trajectory.steps.map((step) => ({ ...step, promptTokens: [] })) };
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
