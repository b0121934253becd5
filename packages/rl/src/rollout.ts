import { createEnvironment } from '@parl-mt/environments';
import { CancelledError, type Trajectory } from '@parl-mt/schema';
import { deriveSeed } from './derive-seed.js';
import { Episode, type EpisodeLimits, type EpisodeRequest } from './episode.js';
import type { RolloutModel } from './rollout-model.js';

export interface RolloutOptions extends EpisodeLimits {
  /** Softmax temperature; 0 is greedy. */
  readonly temperature: number;
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
  const inFlight = new Map<number, { readonly index: number; readonly episode: Episode }>();
  let next = 0;
  let finished = 0;
  while (finished < requests.length) {
    for (let slot = 0; slot < model.slots && next < requests.length; slot += 1) {
      if (inFlight.has(slot)) continue;
      const request = requests[next]!;
      const environment = createEnvironment(request.task.environment);
      await environment.reset(request.task, request.seed);
      inFlight.set(slot, { index: next, episode: new Episode(request, environment, model, options) });
      next += 1;
    }
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
      { temperature: options.temperature, signal: options.signal },
    );
    for (const [i, { episode }] of asked.entries()) await episode.act(completions[i]!);
    for (const [slot, { index, episode }] of inFlight) {
      if (!episode.isFinished) continue;
      trajectories[index] = episode.trajectory();
      inFlight.delete(slot);
      finished += 1;
    }
    options.onProgress?.(finished, requests.length);
  }
  return trajectories;
}
