import path from 'node:path';
import { synthesizeTasks, taskFingerprint } from '@parl-mt/environments';
import { deriveSeed, loadPolicy } from '@parl-mt/rl';
import type { JobContext, JobResult, Task, TrainRunConfig } from '@parl-mt/schema';
import { selectBackend } from '@parl-mt/tfjs-backend';
import { loading } from './loading.js';
import { planTrain } from './plans.js';
import { requireMemory } from './require-memory.js';
import { runRlStage } from './training-stage.js';
import { prepareTuning } from './tuning.js';

/** Improves a policy by group-relative RL on synthetic tasks. */
export async function runTrain(config: TrainRunConfig, context: JobContext): Promise<JobResult> {
  await selectBackend(config.backend);
  context.reporter.stage('model');
  requireMemory((await planTrain(config)).memory, config.memoryShortage, context.reporter);
  using policy = await loadPolicy(config.init, config.pretrained, loading(context));
  prepareTuning(policy, config, config.rl.seed);
  context.reporter.stage('tasks');
  const tasks = synthesizeTasks(config.synthesis).map(({ task }) => task);
  const monitorTasks = drawMonitorTasks(config, tasks);
  context.reporter.stage('train', config.rl.sampledTokenBudget);
  const result = await runRlStage({ name: 'train', policy, tasks, monitorTasks, config: config.rl, context });
  await policy.save(path.join(context.outDir, 'policy'));
  return {
    summary: { ...result, tasks: tasks.length },
    files: ['policy', 'metrics.jsonl', 'train/trajectories.jsonl'],
  };
}

/** Tasks of another seed; what happens to be among those trained on is left out. */
function drawMonitorTasks({ synthesis, rl }: TrainRunConfig, tasks: readonly Task[]): Task[] {
  if (rl.monitorTasks === 0) return [];
  const known = new Set(tasks.map(taskFingerprint));
  const seed = deriveSeed(synthesis.seed, MONITOR) % 2 ** 31;
  return synthesizeTasks({ ...synthesis, tasks: rl.monitorTasks, seed }).flatMap(({ task }) =>
    known.has(taskFingerprint(task)) ? [] : [task],
  );
}

const MONITOR = 1;
