import { ConcurrencyLimit } from '@parl-mt/chat';
import {
  type ChatFunction,
  createAgent,
  createUser,
  EpisodeCrash,
  groundTruthActions,
  ScriptedUser,
  TauEpisode,
  type TauReward,
  type TauTask,
  type TauWorld,
} from '@parl-mt/environments';
import {
  CancelledError,
  type ChatMessage,
  RolloutError,
  type TauBenchConfig,
  type TauBenchResult,
} from '@parl-mt/schema';

/** Who acts: a model under an agent strategy, or the tasks' own actions. */
export type TauBenchPolicy =
  | { readonly kind: 'ground-truth' }
  | { readonly kind: 'model'; readonly chat: ChatFunction };

export interface TauBenchRun {
  readonly world: TauWorld;
  readonly tasks: readonly TauTask[];
  readonly config: TauBenchConfig;
  readonly policy: TauBenchPolicy;
  /** Plays the user; not asked by the scripted user and by the ground truth. */
  readonly userChat: ChatFunction;
  /** Results of an earlier part of the same run: their episodes are not played again. */
  readonly done?: readonly TauBenchResult[];
  /** Called once per finished episode, in the order in which they finish. */
  readonly onResult?: (result: TauBenchResult) => void | Promise<void>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Plays every task `trials` times, several episodes at once, each on a database of its own.
 *
 * An episode that crashes, or gets no answer from a model, is a result with reward 0 and its cause; the others go on.
 *
 * @returns all results, earlier ones included, by trial and task.
 * @throws {UsageError} when a model refuses the key or is not known: no episode could succeed.
 * @throws {CancelledError} when the signal is aborted; finished episodes have been reported.
 */
export async function runTauBench(run: TauBenchRun): Promise<TauBenchResult[]> {
  const { tasks, config, done = [], onResult, signal } = run;
  const known = new Map(done.map((result) => [episodeKey(result.trial, result.task_id), result]));
  const limit = new ConcurrencyLimit(config.concurrency);
  const stop = new AbortController();
  const episodes = Array.from({ length: config.trials }, (_, trial) => tasks.map((task) => ({ trial, task }))).flat();
  const results = await Promise.allSettled(
    episodes.map(({ trial, task }) => {
      const earlier = known.get(episodeKey(trial, task.index));
      if (earlier !== undefined) return earlier;
      return limit.run(async () => {
        if (signal?.aborted || stop.signal.aborted) throw new CancelledError('the run was stopped');
        try {
          const result = await playEpisode(run, task, trial);
          await onResult?.(result);
          return result;
        } catch (error) {
          stop.abort();
          throw error;
        }
      });
    }),
  );
  if (signal?.aborted) throw signal.reason instanceof Error ? signal.reason : new CancelledError();
  const failures = results.filter((result) => result.status === 'rejected').map(({ reason }) => reason as unknown);
  if (failures.length > 0) throw failures.find((reason) => !(reason instanceof CancelledError)) ?? failures[0];
  return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
}

function episodeKey(trial: number, taskId: number): string {
  return `${trial} ${taskId}`;
}

async function playEpisode(run: TauBenchRun, task: TauTask, trial: number): Promise<TauBenchResult> {
  const startedAt = performance.now();
  const player = run.policy.kind === 'model' ? modelPlayer(run, run.policy.chat) : groundTruthPlayer();
  const result = (reward: number, isDone: boolean, info: TauBenchResult['info']): TauBenchResult => ({
    task_id: task.index,
    trial,
    reward,
    info,
    traj: [...player.messages],
    is_done: isDone,
    usage: {
      agent_calls: player.agent.calls,
      user_calls: player.user.calls,
      agent_cost_usd: player.agent.costUsd ?? null,
      user_cost_usd: player.user.costUsd ?? null,
      seconds: (performance.now() - startedAt) / 1000,
    },
  });
  try {
    const { isDone, reward, details } = await player.play(run.world, task);
    return result(reward, isDone, details === undefined ? {} : { reward_info: { reward, info: details.info } });
  } catch (error) {
    if (run.signal?.aborted) throw error;
    if (error instanceof EpisodeCrash) {
      return result(0, false, { error: { kind: 'crash', name: error.exception, message: error.message } });
    }
    if (error instanceof RolloutError) {
      return result(0, false, { error: { kind: 'model', name: error.code, message: error.message } });
    }
    throw error;
  }
}

/** Requests of one side in an episode, and what they cost. */
interface Spending {
  readonly calls: number;
  /** In US dollars; undefined as soon as one request had no known cost. */
  readonly costUsd: number | undefined;
}

interface Player {
  readonly messages: readonly ChatMessage[];
  readonly agent: Spending;
  readonly user: Spending;
  play(world: TauWorld, task: TauTask): Promise<{ isDone: boolean; reward: number; details?: TauReward }>;
}

function modelPlayer({ config, userChat }: TauBenchRun, agentChat: ChatFunction): Player {
  const { strategy, temperature, maxSteps } = config.agent;
  const agentMeter = metered(agentChat);
  const userMeter = metered(userChat);
  const agent = createAgent(strategy, agentMeter.chat, { temperature, maxSteps });
  const user =
    config.user.strategy === 'scripted'
      ? new ScriptedUser(config.user.lines)
      : createUser(config.user.strategy, userMeter.chat);
  return {
    messages: agent.messages,
    agent: agentMeter.spending,
    user: userMeter.spending,
    play: (world, task) => agent.run(new TauEpisode(world, task, user)),
  };
}

/** The same chat, counted. */
function metered(chat: ChatFunction): { readonly chat: ChatFunction; readonly spending: Spending } {
  const spending: { calls: number; costUsd: number | undefined } = { calls: 0, costUsd: 0 };
  return {
    spending,
    async chat(request) {
      const reply = await chat(request);
      spending.calls++;
      const isKnown = spending.costUsd !== undefined && reply.costUsd !== undefined;
      spending.costUsd = isKnown ? spending.costUsd! + reply.costUsd! : undefined;
      return reply;
    },
  };
}

const NOTHING_SPENT: Spending = { calls: 0, costUsd: 0 };

function groundTruthPlayer(): Player {
  return {
    messages: [],
    agent: NOTHING_SPENT,
    user: NOTHING_SPENT,
    async play(world, task) {
      const episode = new TauEpisode(world, task, new ScriptedUser());
      await episode.begin();
      for (const action of groundTruthActions(world, task)) {
        const { isDone, reward } = await episode.step(action);
        if (isDone && reward !== undefined) return { isDone, reward: reward.reward, details: reward };
      }
      return { isDone: false, reward: 0 };
    },
  };
}
