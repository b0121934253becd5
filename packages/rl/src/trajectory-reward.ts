import { parseCallText } from '@parl-mt/chat';
import { checkTask } from '@parl-mt/environments';
import type { RewardConfig, RewardParts, Step, Task, ToolCall, Trajectory } from '@parl-mt/schema';
import { turnCorrectness } from './call-correctness.js';
import { callRedundancy, contextRedundancy } from './redundancy.js';

/** A trajectory with its verdict, its reward, and how many of its calls repeat earlier ones. */
export interface ScoredTrajectory {
  readonly trajectory: Trajectory;
  readonly repeatedCalls: number;
  /** The total reward by the turn that earned it, one entry per turn of the task (of the
   * episode, where its user decides when it is over): they sum to the total. */
  readonly turnRewards: readonly number[];
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
 * Scores trajectories: verdict of the benchmark (BFCL's checker, tau-bench's reward), reward parts, total.
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
    const verdict = verdictOf(task, trajectory);
    const turns = turnsOf(task, trajectory);
    const calls = trajectory.usage.calls;
    const repeatedCalls = repeated[index]!;
    const wellFormed = trajectory.steps.filter(({ formatError }) => formatError === undefined).length;
    const parts = {
      format: trajectory.steps.length === 0 ? 0 : wellFormed / trajectory.steps.length,
      correctness: correctness(task, trajectory),
      success: verdict.turnsPassed / turns,
      redundancy: ((calls === 0 ? 0 : repeatedCalls / calls) + restated[index]!) / 2,
    };
    const turnRewards = rewardByTurn(task, trajectory, verdict.turnsPassed, parts, weights);
    const valid = verdict.valid && trajectory.stopReason === 'completed';
    const failure = valid ? undefined : (trajectory.failure ?? verdict.errorType);
    return {
      repeatedCalls,
      turnRewards,
      trajectory: {
        ...trajectory,
        valid,
        ...(failure === undefined ? {} : { failure }),
        reward: { ...parts, total: totalReward(parts, weights) },
      },
    };
  });
}

/** What the benchmark says; `turnsPassed` counts from the first turn. */
interface RewardVerdict {
  readonly valid: boolean;
  readonly turnsPassed: number;
  readonly errorType?: string | undefined;
}

/** An environment that judged the episode itself has said all; else the checker of BFCL says it. */
function verdictOf(task: Task, trajectory: Trajectory): RewardVerdict {
  const { verdict } = trajectory;
  if (verdict === undefined) return checkTask(task, callsByTurn(task, trajectory));
  const valid = verdict.valid === true;
  return {
    valid,
    turnsPassed: verdict.reward * turnsOf(task, trajectory),
    errorType: valid ? undefined : `${task.environment}:reward`,
  };
}

/** Turns of the task; of the episode, where its user decides. */
function turnsOf(task: Task, { verdict, userMessages }: Trajectory): number {
  return verdict === undefined ? task.turns.length : Math.max(1, userMessages?.length ?? 0);
}

/** Model calls as the checker reads them: turn, step, call. Turns never reached are empty. */
function callsByTurn(task: Task, trajectory: Trajectory): string[][][] {
  const turns: string[][][] = task.turns.map(() => []);
  for (const step of trajectory.steps) {
    turns[step.turn]?.push(step.callTexts.filter((_, index) => wasDelivered(step, index)));
  }
  return turns;
}

/** A call that failed in transit never reached its world: it is neither checked nor held against the policy. */
function wasDelivered(step: Step, call: number): boolean {
  return step.results[call]?.cause !== 'unavailable';
}

function correctness(task: Task, trajectory: Trajectory): number {
  if (trajectory.verdict !== undefined) return correctnessOfEpisode(task, trajectory) ?? 1;
  const scores = correctnessByTurn(task, trajectory).filter((score) => score !== undefined);
  return scores.length === 0 ? 1 : scores.reduce((sum, score) => sum + score, 0) / scores.length;
}

/** Where the user decides what is said when, the order of the actions is free: all calls against all ground truth. */
function correctnessOfEpisode(task: Task, trajectory: Trajectory): number | undefined {
  const expected = task.turns.flatMap(({ groundTruth }) => expectedCalls(groundTruth));
  if (expected.length === 0) return undefined;
  const emitted = trajectory.steps.flatMap((step) => step.calls.filter((_, index) => wasDelivered(step, index)));
  return turnCorrectness(emitted, expected);
}

/** One entry per turn of the task; undefined where it has no ground truth. */
function correctnessByTurn(task: Task, trajectory: Trajectory): (number | undefined)[] {
  return task.turns.map(({ groundTruth }, turn) => {
    if (groundTruth.length === 0) return undefined;
    const emitted = trajectory.steps
      .filter((step) => step.turn === turn)
      .flatMap((step) => step.calls.filter((_, index) => wasDelivered(step, index)));
    return turnCorrectness(emitted, expectedCalls(groundTruth));
  });
}

/**
 * The total reward, split over the turns that earned it: format by the turn of each well-formed step, correctness by the turn
 * it is measured in, success by the turns passed before the first failure, redundancy evenly.
 */
function rewardByTurn(
  task: Task,
  trajectory: Trajectory,
  turnsPassed: number,
  parts: Omit<RewardParts, 'total'>,
  weights: RewardConfig,
): number[] {
  const turns = turnsOf(task, trajectory);
  // A verdict on the whole episode is earned by all of its turns.
  const scores =
    trajectory.verdict === undefined
      ? correctnessByTurn(task, trajectory)
      : new Array<number>(turns).fill(correctness(task, trajectory));
  const scored = scores.filter((score) => score !== undefined).length;
  return scores.map((score, turn) => {
    const wellFormed = trajectory.steps.filter((step) => step.turn === turn && step.formatError === undefined).length;
    return totalReward(
      {
        format: trajectory.steps.length === 0 ? 0 : wellFormed / trajectory.steps.length,
        correctness: scored === 0 ? 1 / turns : (score ?? 0) / scored,
        success: trajectory.verdict === undefined ? (turn < turnsPassed ? 1 / turns : 0) : turnsPassed / turns / turns,
        redundancy: parts.redundancy / turns,
      },
      weights,
    );
  });
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
