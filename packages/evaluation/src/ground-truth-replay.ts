import { checkTask, createEnvironment } from '@parl-mt/environments';
import { parseCallText } from '@parl-mt/chat';
import type { Step, Task, Trajectory } from '@parl-mt/schema';

/**
 * Plays a task's own ground truth: one step per turn with all its calls. A check of tasks and checker: a valid task
 * passes. Ground truth that uses positional arguments is executed as written.
 */
export async function replayGroundTruth(task: Task): Promise<Trajectory> {
  const startedAt = performance.now();
  const environment = createEnvironment(task.environment);
  await environment.reset(task, 0);
  const steps: Step[] = [];
  for (const [turn, { groundTruth }] of task.turns.entries()) {
    const stateBefore: string[] = [];
    const calls: Step['calls'] = [];
    const results: Step['results'] = [];
    for (const callText of groundTruth) {
      stateBefore.push(environment.digest());
      const parsed = parseCallText(callText);
      calls.push(parsed.ok ? parsed.call : { name: callText.slice(0, callText.indexOf('(')), arguments: '{}' });
      results.push(await environment.execute(callText));
    }
    steps.push({
      turn,
      promptTokens: [],
      completionTokens: [],
      behaviorLogprobs: [],
      text: groundTruth.join('\n'),
      calls,
      callTexts: [...groundTruth],
      results,
      stateBefore,
      stateAfter: environment.digest(),
    });
  }
  const verdict = checkTask(task, task.turns.map(({ groundTruth }) => [[...groundTruth]]));
  return {
    taskId: task.id,
    groupId: 0,
    seed: 0,
    steps,
    valid: verdict.valid,
    ...(verdict.valid ? {} : { failure: verdict.errorType }),
    stopReason: 'completed',
    usage: {
      promptTokens: 0,
      completionTokens: 0,
      calls: steps.reduce((sum, { calls }) => sum + calls.length, 0),
      seconds: (performance.now() - startedAt) / 1000,
    },
  };
}
