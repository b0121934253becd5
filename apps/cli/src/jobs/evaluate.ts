import path from 'node:path';
import { formatScores, loadBfclTasks, scoreBfcl, synthesizeTasks } from '@parl-mt/environments';
import { comparisonTable, evaluateGroundTruth, evaluatePolicy } from '@parl-mt/evaluation';
import { writeAtomically } from '@parl-mt/policy';
import { DecoderModel, loadPolicy } from '@parl-mt/rl';
import { type EvaluateRunConfig, type JobContext, type JobResult, type Task, UsageError } from '@parl-mt/schema';
import { selectBackend } from '@parl-mt/tfjs-backend';
import { runEvaluateRecords } from './evaluate-records.js';
import { runEvaluateTauBench } from './evaluate-tau-bench.js';
import { loading } from './loading.js';
import { writeTrajectories } from './training-stage.js';

/** Evaluates a policy, or the ground truth itself, on a benchmark. */
export async function runEvaluate(config: EvaluateRunConfig, context: JobContext): Promise<JobResult> {
  const { outDir, reporter, signal } = context;
  if (config.evaluation.benchmark === 'tau-bench') return runEvaluateTauBench(config, context);
  if (config.evaluation.benchmark === 'records') return runEvaluateRecords(config, context);
  if (config.policy.kind === 'endpoint') throw new UsageError('expected benchmark tau-bench with a policy endpoint');
  reporter.stage('tasks');
  const tasks = benchmarkTasks(config);
  const name = config.policy.kind === 'checkpoint' ? path.basename(path.resolve(config.policy.path)) : 'ground truth';
  reporter.stage(`evaluate ${name}`, tasks.length);
  const evaluation =
    config.policy.kind === 'ground-truth'
      ? evaluateGroundTruth(tasks, config.evaluation)
      : await evaluateCheckpoint(config.policy.path);

  async function evaluateCheckpoint(folder: string) {
    await selectBackend(config.backend);
    using policy = await loadPolicy(folder, config.pretrained, loading(context));
    const { context: limits } = config.evaluation;
    using model = new DecoderModel(policy.decoder, policy.codec(limits.mode), limits);
    return await evaluatePolicy(model, tasks, config.evaluation, {
      name,
      signal,
      onProgress: (finished) => reporter.progress(finished),
    });
  }

  const { summary, scored } = evaluation;
  await writeTrajectories(
    path.join(outDir, 'trajectories.jsonl'),
    scored.map(({ trajectory }) => trajectory),
  );
  const valid = scored.filter(({ trajectory }) => trajectory.valid === true).length;
  const categoryOf = new Map(tasks.map(({ id, category }) => [id, category]));
  const scores =
    config.evaluation.benchmark === 'bfcl'
      ? scoreBfcl(
          scored.map(({ trajectory }) => ({
            category: categoryOf.get(trajectory.taskId) ?? 'unknown',
            valid: trajectory.valid === true,
          })),
        )
      : undefined;
  const result = {
    benchmark: config.evaluation.benchmark,
    tasks: tasks.length,
    valid,
    ...summary,
    ...(scores && { scores }),
  };
  await writeAtomically(path.join(outDir, 'summary.json'), [`${JSON.stringify(result, null, 2)}\n`]);
  const perCategory = scores === undefined ? '' : `\n\n${formatScores(scores)}`;
  reporter.table(`${comparisonTable([summary])}\n\n${valid} of ${tasks.length} tasks${perCategory}`);
  return { summary: result, files: ['summary.json', 'trajectories.jsonl'] };
}

function benchmarkTasks(config: EvaluateRunConfig): Task[] {
  const { evaluation, synthesis, bfclPath } = config;
  switch (evaluation.benchmark) {
    case 'synthetic':
      return synthesizeTasks({ ...synthesis, tasks: evaluation.tasks }).map(({ task }) => task);
    case 'bfcl': {
      if (bfclPath === undefined) throw new UsageError('expected --bfcl PATH with benchmark bfcl, received none');
      return evaluation.categories.flatMap((category) =>
        loadBfclTasks(bfclPath, category).slice(0, evaluation.taskLimit),
      );
    }
    case 'tau-bench':
    case 'records':
      throw new RangeError(`${evaluation.benchmark} has a runner of its own`);
  }
}
