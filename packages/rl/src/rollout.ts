import {
  createEnvironment,
  type Environment,
  GuardedEnvironment,
  ScriptedUser,
  TauBenchEnvironment,
  TauConversation,
  type TauUser,
  UnreliableEnvironment,
} from '@parl-mt/environments';
import type { SamplingRules } from '@parl-mt/native';
import { CancelledError, type EnvironmentLimits, RolloutError, type Trajectory } from '@parl-mt/schema';
import { deriveSeed } from './derive-seed.js';
import { Episode, type EpisodeLimits, type EpisodeRequest } from './episode.js';
import type { RolloutModel } from './rollout-model.js';

export interface RolloutOptions extends EpisodeLimits {
  /** Softmax temperature; 0 is greedy. */
  readonly temperature: number;
  /** What else changes the distribution that tokens are drawn from. Default: nothing. */
  readonly rules?: SamplingRules | undefined;
  /** What tools may cost; the schema's defaults where absent. */
  readonly limits?: EnvironmentLimits | undefined;
  /** Makes the environment of a kind; the built-in kinds by default. It is guarded here. */
  readonly createEnvironment?: ((kind: string) => Environment) | undefined;
  /** Chance that a call fails in transit; see `UnreliableEnvironment`. Default 0. */
  readonly faultRate?: number | undefined;
  /** Who speaks to the policy in tau-bench: one user per episode. A scripted one by default, who states the instruction. */
  readonly createTauUser?: (() => TauUser) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called after every batch of steps. */
  readonly onProgress?: ((finished: number, total: number) => void) | undefined;
}

/**
 * Produces trajectories, many episodes in lockstep: each round samples one step for every episode in flight, then acts.
 * A finished episode's slot goes to the next request. A trajectory depends on its request and the weights alone, not on
 * what else is in flight.
 *
 * @returns one unscored trajectory per request, in the order of the requests.
 * @throws {CancelledError} when the signal is aborted.
 */
export async function runRollouts(
  model: RolloutModel,
  requests: readonly EpisodeRequest[],
  options: RolloutOptions,
): Promise<Trajectory[]> {
  const trajectories = new Array<Trajectory>(requests.length);
  const inFlight = new Map<number, InFlight>();
  const closeAll = (entries: readonly InFlight[]) => Promise.all(entries.map(({ environment }) => environment.close()));
  let next = 0;
  let finished = 0;
  try {
    while (finished < requests.length) {
      const starts: Promise<void>[] = [];
      for (let slot = 0; slot < model.slots && next < requests.length; slot += 1) {
        if (inFlight.has(slot)) continue;
        const entry = prepare(requests[next]!, next, model, options);
        inFlight.set(slot, entry);
        starts.push(start(entry));
        next += 1;
      }
      await Promise.all(starts);
      if (options.signal?.aborted) throw new CancelledError('rollouts were cancelled');
      const asked: { readonly slot: number; readonly episode: Episode; readonly prompt: Int32Array }[] = [];
      for (const [slot, { episode }] of inFlight) {
        const prompt = episode.nextPrompt();
        if (prompt !== undefined) asked.push({ slot, episode, prompt });
      }
      const completions = await model.complete(
        asked.map(({ slot, episode, prompt }) => ({
          slot,
          prompt,
          maxNewTokens: options.context.maxNewTokens,
          seed: deriveSeed(episode.request.seed, episode.stepCount),
        })),
        { temperature: options.temperature, rules: options.rules, signal: options.signal },
      );
      // At once: a slow tool of one episode does not hold up the tools of the others.
      await Promise.all(asked.map(({ episode }, i) => episode.act(completions[i]!)));
      const ended = [...inFlight].filter(([, { episode }]) => episode.isFinished);
      for (const [slot, { index, episode }] of ended) {
        trajectories[index] = episode.trajectory();
        inFlight.delete(slot);
        finished += 1;
      }
      await closeAll(ended.map(([, entry]) => entry));
      options.onProgress?.(finished, requests.length);
    }
    return trajectories;
  } finally {
    await closeAll([...inFlight.values()]);
  }
}

interface InFlight {
  readonly index: number;
  readonly request: EpisodeRequest;
  readonly environment: Environment;
  readonly episode: Episode;
  readonly conversation: TauConversation | undefined;
}

function prepare(request: EpisodeRequest, index: number, model: RolloutModel, options: RolloutOptions): InFlight {
  const make = options.createEnvironment ?? createEnvironment;
  const world = make(request.task.environment);
  const faultRate = options.faultRate ?? 0;
  const environment = new GuardedEnvironment(
    faultRate === 0 ? world : new UnreliableEnvironment(world, faultRate),
    options.limits,
  );
  const conversation =
    world instanceof TauBenchEnvironment
      ? new TauConversation({
          ...request,
          world,
          environment,
          user: options.createTauUser?.() ?? new ScriptedUser(),
          // The steps of the whole episode are what is limited.
          maxCallsPerTurn: Number.POSITIVE_INFINITY,
          maxTurns: Number.POSITIVE_INFINITY,
        })
      : undefined;
  return {
    index,
    request,
    environment,
    episode: new Episode(request, environment, model, options, conversation),
    conversation,
  };
}

/** An environment that does not start ends its own episode; a task that does not fit is an error of the caller. */
async function start({ request, environment, episode, conversation }: InFlight): Promise<void> {
  try {
    if (conversation === undefined) await environment.reset(request.task, request.seed);
    else await episode.begin();
  } catch (error) {
    if (!(error instanceof RolloutError)) throw error;
    episode.fail(error.message);
  }
}
