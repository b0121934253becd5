import { parseCallText } from '@parl-mt/chat';
import { BfclEnvironment } from '@parl-mt/environments';
import { scoreTrajectories } from '@parl-mt/rl';
import { type EvaluationConfig, rewardConfigSchema, type Step, type Task, type Trajectory } from '@parl-mt/schema';
import type { Evaluation } from './evaluate.js';
import { summarizeMethod } from './method-summary.js';

/**
 * A policy that replays each task's own calls, one step per turn: a check of tasks and checker, every valid task passes.
 *
 * @param tasks - of environment "bfcl".
 */
export function evaluateGroundTruth(tasks: readonly Task[], config: EvaluationConfig): Evaluation {
  const startedAt = performance.now();
  const trajectories = tasks.map((task, index) => replayGroundTruth(task, index));
  const scored = scoreTrajectories(
    trajectories,
    new Map(tasks.map((task) => [task.id, task])),
    rewardConfigSchema.parse({}),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  const { bootstrapSamples, seed } = config;
  return {
    scored,
    summary: summarizeMethod('ground truth', scored, { bootstrapSamples, seed, trainedTokens: 0, seconds }),
  };
}

/** The trajectory of a task's ground truth, not yet scored. Calls are executed as written, positional arguments too. */
function replayGroundTruth(task: Task, groupId: number): Trajectory {
  const environment = new BfclEnvironment();
  environment.reset(task, 0);
  const steps = task.turns.map(({ groundTruth }, turn): Step => {
    const stateBefore: string[] = [];
    const results = groundTruth.map((callText) => {
      stateBefore.push(environment.digest());
      return environment.execute(callText);
    });
    return {
      turn,
      promptTokens: [],
      completionTokens: [],
      behaviorLogprobs: [],
      text: groundTruth.join('\n'),
      calls: groundTruth.map(namedCall),
      callTexts: [...groundTruth],
      results,
      stateBefore,
      stateAfter: environment.digest(),
    };
  });
  return {
    taskId: task.id,
    groupId,
    seed: 0,
    steps,
    stopReason: 'completed',
    usage: {
      promptTokens: 0,
      completionTokens: 0,
      calls: steps.reduce((sum, { calls }) => sum + calls.length, 0),
      seconds: 0,
    },
  };
}

function namedCall(callText: string): Step['calls'][number] {
  const parsed = parseCallText(callText);
  return parsed.ok ? parsed.call : { name: callText.slice(0, callText.indexOf('(')), arguments: '{}' };
}
