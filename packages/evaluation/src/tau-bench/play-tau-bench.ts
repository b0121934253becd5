import { createEnvironment, type TauTask, type TauUser, type TauWorld, tauTaskOf } from '@parl-mt/environments';
import { deriveSeed, type RolloutModel, runRollouts } from '@parl-mt/rl';
import type { ChatMessage, EvaluationConfig, TauBenchConfig, TauBenchResult, Trajectory } from '@parl-mt/schema';

/** A policy of ours, as rollouts play it, on tau-bench. */
export interface TauBenchRollouts {
  readonly model: RolloutModel;
  /** Folder that the world was read from. */
  readonly dataDirectory: string;
  readonly world: TauWorld;
  readonly tasks: readonly TauTask[];
  readonly tauBench: Pick<TauBenchConfig, 'trials' | 'agent'>;
  readonly evaluation: Pick<EvaluationConfig, 'context' | 'sampling' | 'limits' | 'faultRate' | 'seed' | 'stepLimit'>;
  /** A user for each episode. */
  readonly createUser: () => TauUser;
  /** Results of an earlier part of the same run: their episodes are not played again. */
  readonly done?: readonly TauBenchResult[];
  /** Called once per episode, when its trial is over. */
  readonly onResult?: (result: TauBenchResult) => void | Promise<void>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Plays every task `trials` times with a policy of ours: the same rollouts as in training, many episodes in one batch, with
 * the policy of the domain as the system message. Trial 0 and the following draw from streams of their own, so a temperature
 * over 0 makes them differ.
 *
 * @returns all results, earlier ones included, by trial and task, and the trajectories that were played.
 * @throws {CancelledError} when the signal is aborted; results of finished trials have been reported.
 */
export async function playTauBench(
  run: TauBenchRollouts,
): Promise<{ readonly results: TauBenchResult[]; readonly trajectories: Trajectory[] }> {
  const { model, world, tasks, tauBench, evaluation, done = [], onResult, signal } = run;
  const results: TauBenchResult[] = [];
  const trajectories: Trajectory[] = [];
  for (let trial = 0; trial < tauBench.trials; trial += 1) {
    const known = new Map(done.filter((result) => result.trial === trial).map((result) => [result.task_id, result]));
    const open = tasks.filter(({ index }) => !known.has(index));
    const played = await runRollouts(
      model,
      open.map((task) => ({
        task: tauTaskOf(world, task),
        groupId: task.index,
        seed: deriveSeed(evaluation.seed, trial, task.index),
      })),
      {
        context: evaluation.context,
        stepLimit: evaluation.stepLimit,
        maxSteps: tauBench.agent.maxSteps,
        temperature: evaluation.sampling.temperature,
        faultRate: evaluation.faultRate,
        limits: evaluation.limits,
        createEnvironment: (kind) => createEnvironment(kind, { tauBenchDirectory: run.dataDirectory }),
        createTauUser: run.createUser,
        signal,
      },
    );
    trajectories.push(...played);
    for (const [index, task] of open.entries()) {
      const result = resultOf(played[index] as Trajectory, task, trial);
      known.set(task.index, result);
      await onResult?.(result);
    }
    for (const { index } of tasks) results.push(known.get(index) as TauBenchResult);
  }
  return { results, trajectories };
}

function resultOf(trajectory: Trajectory, task: TauTask, trial: number): TauBenchResult {
  const { steps, stopReason, verdict, failure, usage } = trajectory;
  const reward = verdict?.reward ?? 0;
  const isDone = stopReason === 'completed';
  const isFault = stopReason === 'environment_error';
  return {
    task_id: task.index,
    trial,
    reward,
    info: {
      ...(isDone ? { reward_info: { reward, info: verdict?.details ?? {} } } : {}),
      ...(isFault ? { error: { kind: 'model' as const, name: 'environment_error', message: failure ?? '' } } : {}),
    },
    traj: messagesOf(trajectory),
    is_done: isDone,
    usage: {
      agent_calls: steps.length,
      user_calls: trajectory.userMessages?.length ?? 0,
      agent_cost_usd: null,
      user_cost_usd: null,
      seconds: usage.seconds,
    },
  };
}

/** The conversation in the wire format of chats, without the system message. */
function messagesOf({ steps, userMessages = [] }: Trajectory): ChatMessage[] {
  const messages: ChatMessage[] = [];
  let turn = -1;
  for (const [index, step] of steps.entries()) {
    if (step.turn !== turn) messages.push({ role: 'user', content: userMessages[step.turn] ?? '' });
    turn = step.turn;
    const calls = step.calls.map((call, position) => ({
      id: `call_${index}_${position}`,
      type: 'function' as const,
      function: { name: call.name, arguments: call.arguments },
    }));
    messages.push({
      role: 'assistant',
      content: step.message ?? step.text,
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
    });
    for (const [position, { content }] of step.results.entries()) {
      messages.push({ role: 'tool', tool_call_id: `call_${index}_${position}`, content });
    }
  }
  return messages;
}
