import { parseCallText } from '@parl-mt/chat';
import { checkTask } from '@parl-mt/environments';
import type { RewardConfig, RewardParts, Task, ToolCall, Trajectory } from '@parl-mt/schema';
import { turnCorrectness } from './call-correctness.js';
import { callRedundancy, contextRedundancy } from './redundancy.js';

/** A trajectory with its verdict, its reward, and how many of its calls repeat earlier ones. */
export interface ScoredTrajectory {
  readonly trajectory: Trajectory;
  readonly repeatedCalls: number;
}

/**
 * The composite reward R = wF F + wC C + wS S - wP P (DESIGN section 4).
 *
 * @param parts - each in [0, 1].
 */
export function totalReward(parts: Omit<RewardParts, 'total'>, weights: RewardConfig): number {
  return (
    weights.format * parts.format +
    weights.correctness * parts.correctness +
    weights.success * parts.success -
    weights.redundancy * parts.redundancy
  );
}

/**
 * Scores trajectories: verdict of the benchmark checker, reward parts, total.
 *
 * F is the share of steps that parse; C the mean over turns with ground truth of the best match of calls; S the share of
 * turns passed before the first failure; P the mean of call redundancy and context redundancy.
 *
 * @param tasks - by task id.
 * @throws {RangeError} when a trajectory's task is not among them.
 */
export function scoreTrajectories(
  trajectories: readonly Trajectory[],
  tasks: ReadonlyMap<string, Task>,
  weights: RewardConfig,
): ScoredTrajectory[] {
  const repeated = callRedundancy(trajectories);
  const restated = contextRedundancy(trajectories);
  return trajectories.map((trajectory, index) => {
    const task = tasks.get(trajectory.taskId);
    if (task === undefined)
      throw new RangeError(`expected a task for trajectory ${index}, none has the id ${trajectory.taskId}`);
    const verdict = checkTask(task, callsByTurn(task, trajectory));
    const calls = trajectory.usage.calls;
    const repeatedCalls = repeated[index]!;
    const wellFormed = trajectory.steps.filter(({ formatError }) => formatError === undefined).length;
    const parts = {
      format: trajectory.steps.length === 0 ? 0 : wellFormed / trajectory.steps.length,
      correctness: correctness(task, trajectory),
      success: verdict.turnsPassed / task.turns.length,
      redundancy: ((calls === 0 ? 0 : repeatedCalls / calls) + restated[index]!) / 2,
    };
    const valid = verdict.valid && trajectory.stopReason === 'completed';
    const failure = valid ? undefined : (trajectory.failure ?? verdict.errorType);
    return {
      repeatedCalls,
      trajectory: {
        ...trajectory,
        valid,
        ...(failure === undefined ? {} : { failure }),
        reward: { ...parts, total: totalReward(parts, weights) },
      },
    };
  });
}

/** Model calls as the checker reads them: turn, step, call. Turns never reached are empty. */
function callsByTurn(task: Task, trajectory: Trajectory): string[][][] {
  const turns: string[][][] = task.turns.map(() => []);
  for (const step of trajectory.steps) turns[step.turn]?.push([...step.callTexts]);
  return turns;
}

function correctness(task: Task, trajectory: Trajectory): number {
  let sum = 0;
  let count = 0;
  for (const [turn, { groundTruth }] of task.turns.entries()) {
    if (groundTruth.length === 0) continue;
    const emitted = trajectory.steps.filter((step) => step.turn === turn).flatMap(({ calls }) => calls);
    sum += turnCorrectness(emitted, expectedCalls(groundTruth));
    count += 1;
  }
  return count === 0 ? 1 : sum / count;
}

const parsedGroundTruth = new WeakMap<readonly string[], readonly ToolCall[]>();

function expectedCalls(groundTruth: readonly string[]): readonly ToolCall[] {
  let calls = parsedGroundTruth.get(groundTruth);
  if (calls === undefined) {
    calls = groundTruth.map(expectedCall);
    parsedGroundTruth.set(groundTruth, calls);
  }
  return calls;
}

/** A ground-truth call with its arguments by name. One that is not in that form scores on its name alone. */
function expectedCall(callText: string): ToolCall {
  const parsed = parseCallText(callText);
  return parsed.ok ? parsed.call : { name: callText.slice(0, callText.indexOf('(')), arguments: '{}' };
}
