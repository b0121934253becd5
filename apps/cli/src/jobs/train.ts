import path from 'node:path';
import { synthesizeTasks } from '@parl-mt/environments';
import { loadPolicy } from '@parl-mt/rl';
import type { JobContext, JobResult, TrainRunConfig } from '@parl-mt/schema';
import { selectBackend } from '@parl-mt/tfjs-backend';
import { runRlStage } from './training-stage.js';
import { prepareTuning } from './tuning.js';

/** Improves a policy by group-relative RL on synthetic tasks. */
export async function runTrain(config: TrainRunConfig, context: JobContext): Promise<JobResult> {
  await selectBackend(config.backend);
  context.reporter.stage('model');
  using policy = await loadPolicy(config.init, config.pretrained, context);
  prepareTuning(policy, config, config.rl.seed);
  context.reporter.stage('tasks');
  const tasks = synthesizeTasks(config.synthesis).map(({ task }) => task);
  context.reporter.stage('train', config.rl.sampledTokenBudget);
  const result = await runRlStage({ name: 'train', policy, tasks, config: config.rl, context });
  await policy.save(path.join(context.outDir, 'policy'));
  return {
    summary: { ...result, tasks: tasks.length },
    files: ['policy', 'metrics.jsonl', 'train/trajectories.jsonl'],
  };
}
