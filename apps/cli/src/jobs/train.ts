import path from 'node:path';
import { synthesizeTasks } from '@parl-mt/environments';
import { loadPolicy, savePolicy } from '@parl-mt/rl';
import type { JobContext, JobResult, TrainRunConfig } from '@parl-mt/schema';
import { selectBackend } from '@parl-mt/tfjs-backend';
import { runRlStage } from './training-stage.js';

/** Improves a policy by group-relative RL on synthetic tasks. */
export async function runTrain(config: TrainRunConfig, context: JobContext): Promise<JobResult> {
  await selectBackend(config.backend);
  const { decoder, tokenizer, tokenizerJson } = await loadPolicy(config.init);
  context.reporter.stage('tasks');
  const tasks = synthesizeTasks(config.synthesis).map(({ task }) => task);
  context.reporter.stage('train', config.rl.sampledTokenBudget);
  const result = await runRlStage({ name: 'train', decoder, tokenizer, tasks, config: config.rl, context });
  await savePolicy(path.join(context.outDir, 'policy'), decoder, tokenizerJson);
  return {
    summary: { ...result, tasks: tasks.length },
    files: ['policy', 'metrics.jsonl', 'train/trajectories.jsonl'],
  };
}
