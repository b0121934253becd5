import { setImmediate } from 'node:timers/promises';
import type { Environment } from '@parl-mt/environments';
import { aggregationWeights } from '@parl-mt/native';
import type { Decoder } from '@parl-mt/policy';
import { CancelledError, type RlConfig, rlLossProblems, type Task, type Trajectory, UsageError } from '@parl-mt/schema';
import type { tf } from '@parl-mt/tfjs-backend';
import { TrainerCheckpoints } from './checkpoint.js';
import { deriveSeed, permutation } from './derive-seed.js';
import { withoutEnvironmentFaults } from './environment-faults.js';
import type { EpisodeRequest } from './episode.js';
import { ReferencePolicy } from './reference-policy.js';
import { type RolloutOptions, runRollouts } from './rollout.js';
import type { RolloutModel } from './rollout-model.js';
import { joinSteps } from './sampled-sequence.js';
import { stepAdvantages } from './step-advantages.js';
import { trainerLoss, trainsOnAll } from './trainer-loss.js';
import { scoreTrajectories } from './trajectory-reward.js';
import { type MicroBatchLoss, type WeightedSequence, WeightUpdater } from './weight-updater.js';

/** What one update did. Means are over its trajectories, but those that the environment ended, unless said. */
export interface RlUpdateMetrics {
  readonly update: number;
  readonly reward: number;
  readonly format: number;
  readonly correctness: number;
  /** Share of turns passed before the first failure. */
  readonly turnsPassed: number;
  /** Share of trajectories that the checker accepts. */
  readonly success: number;
  readonly redundancy: number;
  /** Trajectories left out of the update because their environment ended them, or that of their baseline; 0 in good health. */
  readonly environmentFaults: number;
  /** Share of groups whose rewards are all equal: no signal, left out of the update. */
  readonly silentGroups: number;
  readonly loss: number;
  readonly gradNorm: number;
  /** Mean of exp(log pi - log pi_behavior) over sampled tokens in the first pass; exactly 1 when both sides agree. */
  readonly firstRatio: number;
  /** Largest distance of that ratio from 1. */
  readonly firstRatioError: number;
  /** Estimate of KL(behavior, policy), nats, over the sampled tokens of all passes (k3). */
  readonly approxKl: number;
  /** Share of those tokens whose ratio was clipped. */
  readonly clipFraction: number;
  /** Estimate of the KL divergence from the reference policy over those tokens; absent without `kl`. */
  readonly referenceKl?: number;
  /** Mean negative log-prob of sampled tokens, nats: an estimate of the policy's entropy. */
  readonly entropy: number;
  readonly learningRate: number;
  /** Completion tokens sampled so far. */
  readonly sampledTokens: number;
  /** Tokens trained on so far, prompts included. */
  readonly trainedTokens: number;
  readonly rolloutSeconds: number;
  readonly trainSeconds: number;
}

/** One trajectory of each monitored task under the conditions of training; the same tasks and sampling streams every time. */
export interface RlMonitorMetrics {
  /** Updates made before; 0 is the policy that training starts from. */
  readonly update: number;
  readonly sampledTokens: number;
  /** Means over the tasks, as of an update. */
  readonly monitor: ReturnType<typeof rewardMeans>;
}

export interface RlOptions {
  /** Folder of the checkpoints; the newest one in it is resumed. Absent: none are written. */
  readonly checkpointFolder?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Makes the environment of a kind; the built-in kinds by default. */
  readonly createEnvironment?: ((kind: string) => Environment) | undefined;
  /** Who speaks to the policy in tau-bench; a scripted user by default. */
  readonly createTauUser?: RolloutOptions['createTauUser'];
  readonly onUpdate?: ((metrics: RlUpdateMetrics) => void) | undefined;
  /** Tasks that are not trained on, whose reward is measured as training goes; see `monitorEvery`. */
  readonly monitorTasks?: readonly Task[] | undefined;
  readonly onMonitor?: ((metrics: RlMonitorMetrics) => void) | undefined;
  /** The scored trajectories of an update. */
  readonly onTrajectories?: ((update: number, trajectories: readonly Trajectory[]) => void) | undefined;
}

export interface RlResult {
  readonly updates: number;
  readonly sampledTokens: number;
  readonly trainedTokens: number;
}

/**
 * PAG-RL (DESIGN section 4): rollouts of groups of trajectories, composite reward, advantages (docs/estimators.md), policy loss
 * (docs/losses.md), AdamW. With context `history` it is vanilla multi-turn GRPO. Stops at the budget of sampled tokens.
 *
 * The decoder as it is passed, before a checkpoint is resumed, is the reference policy of `kl`.
 *
 * @throws {UsageError} when there are no tasks, options do not fit each other, or no prompt of an update fits the context.
 * @throws {CancelledError} when the signal is aborted; a checkpoint is written first.
 */
export async function trainRl(
  decoder: Decoder,
  model: RolloutModel,
  tasks: readonly Task[],
  config: RlConfig,
  options: RlOptions = {},
): Promise<RlResult> {
  if (tasks.length === 0) throw new UsageError('expected at least one task to train on, received none');
  const [problem] = rlLossProblems(config);
  if (problem !== undefined) throw new UsageError(`rl.${problem.path.join('.')}: ${problem.message}`);
  const tasksById = new Map(tasks.map((task) => [task.id, task]));
  using reference = config.kl.kind === 'none' ? undefined : new ReferencePolicy(decoder);
  using updater = new WeightUpdater(decoder, config.optimizer, config);
  const checkpoints = new TrainerCheckpoints(options.checkpointFolder, decoder, updater);
  const state = await checkpoints.resume({ kind: 'rl', updates: 0, sampledTokens: 0, trainedTokens: 0, drawnTasks: 0 });
  const rollout = (requested: readonly EpisodeRequest[], temperature: number) =>
    runRollouts(model, requested, {
      context: config.context,
      stepLimit: config.stepLimit,
      temperature,
      faultRate: config.faultRate,
      limits: config.limits,
      createEnvironment: options.createEnvironment,
      createTauUser: options.createTauUser,
      signal: options.signal,
    });
  const { monitorTasks = [], onMonitor } = options;
  const monitor = async (): Promise<void> => {
    if (monitorTasks.length === 0 || onMonitor === undefined) return;
    model.reset();
    const trajectories = await rollout(monitorRequests(monitorTasks, config.seed), config.sampling.temperature);
    const scored = scoreTrajectories(trajectories, new Map(monitorTasks.map((task) => [task.id, task])), config.reward);
    const means = rewardMeans(scored.map(({ trajectory }) => trajectory));
    onMonitor({ update: state.updates, sampledTokens: state.sampledTokens, monitor: means });
  };
  try {
    if (state.updates === 0) await monitor();
    while (state.sampledTokens < config.sampledTokenBudget) {
      const rolloutStart = performance.now();
      model.reset();
      const requests = drawRequests(tasks, config, state.updates, state.drawnTasks);
      const rollouts = await rollout(requests, config.sampling.temperature);
      requireTokens(rollouts);
      const greedyRollouts = config.advantage === 'remax' ? await rollout(firstOfGroups(requests), 0) : [];
      const scored = scoreTrajectories(rollouts, tasksById, config.reward);
      const greedy = scoreTrajectories(greedyRollouts, tasksById, config.reward);
      const sound = withoutEnvironmentFaults(scored, greedy);
      const trajectories = sound.rollouts.map(({ trajectory }) => trajectory);
      const trainStart = performance.now();
      const advantages = stepAdvantages(sound.rollouts, config.credit, config.advantage, sound.greedy);
      const learningRate = learningRateOf(config, state.sampledTokens);
      const trained = await updateWeights(updater, reference, trajectories, advantages, config, learningRate);
      state.updates += 1;
      state.drawnTasks += config.tasksPerUpdate;
      state.sampledTokens += completionTokens(rollouts) + completionTokens(greedyRollouts);
      state.trainedTokens += trained.tokens;
      options.onTrajectories?.(
        state.updates,
        scored.map(({ trajectory }) => trajectory),
      );
      options.onUpdate?.({
        update: state.updates,
        ...rewardMeans(trajectories),
        environmentFaults: scored.length - trajectories.length,
        silentGroups: silentShare(trajectories, advantages),
        loss: trained.loss,
        gradNorm: trained.gradNorm,
        firstRatio: trained.firstRatio,
        firstRatioError: trained.firstRatioError,
        approxKl: trained.approxKl,
        clipFraction: trained.clipFraction,
        ...(reference === undefined ? {} : { referenceKl: trained.referenceKl }),
        entropy: sampledEntropy(trajectories),
        learningRate,
        sampledTokens: state.sampledTokens,
        trainedTokens: state.trainedTokens,
        rolloutSeconds: (trainStart - rolloutStart) / 1000,
        trainSeconds: (performance.now() - trainStart) / 1000,
      });
      const isLast = state.sampledTokens >= config.sampledTokenBudget;
      if (isLast || state.updates % config.monitorEvery === 0) await monitor();
      if (state.updates % config.checkpointEvery === 0) await checkpoints.save(state);
      await setImmediate();
    }
  } catch (error) {
    if (error instanceof CancelledError) await checkpoints.save(state);
    throw error;
  }
  model.reset();
  await checkpoints.save(state);
  return { updates: state.updates, sampledTokens: state.sampledTokens, trainedTokens: state.trainedTokens };
}

/** Tasks are walked in a shuffled order, anew in each epoch; every task gets a group of trajectories. */
function drawRequests(tasks: readonly Task[], config: RlConfig, update: number, drawn: number): EpisodeRequest[] {
  const requests: EpisodeRequest[] = [];
  for (let group = 0; group < config.tasksPerUpdate; group += 1) {
    const position = drawn + group;
    const epoch = Math.floor(position / tasks.length);
    const task = tasks[permutation(tasks.length, deriveSeed(config.seed, epoch))[position % tasks.length]!]!;
    for (let member = 0; member < config.groupSize; member += 1) {
      requests.push({ task, groupId: group, seed: deriveSeed(config.seed, update, group, member) });
    }
  }
  return requests;
}

/** Streams of their own, apart from those of training. */
function monitorRequests(tasks: readonly Task[], seed: number): EpisodeRequest[] {
  return tasks.map((task, index) => ({ task, groupId: index, seed: deriveSeed(seed, MONITOR_STREAM, index) }));
}

/** No update has this number. */
const MONITOR_STREAM = 2 ** 31;

/** Without a sampled token the budget is never reached: the run would go on for ever and learn nothing. */
function requireTokens(rollouts: readonly Trajectory[]): void {
  if (completionTokens(rollouts) > 0) return;
  const [first] = rollouts;
  throw new UsageError(
    `expected rollouts with sampled tokens, none of ${rollouts.length} trajectories has any; task ${first?.taskId}: ${first?.failure ?? first?.stopReason}`,
  );
}

/** A request of each group: the task's greedy rollout. */
function firstOfGroups(requests: readonly EpisodeRequest[]): EpisodeRequest[] {
  return [...new Map([...requests].reverse().map((request) => [request.groupId, request])).values()].reverse();
}

interface UpdateOutcome {
  readonly loss: number;
  readonly gradNorm: number;
  readonly firstRatio: number;
  readonly firstRatioError: number;
  readonly approxKl: number;
  readonly clipFraction: number;
  readonly referenceKl: number;
  readonly tokens: number;
}

/**
 * Passes over the rollouts, an optimizer update per minibatch. The reduction over the sampled tokens of a minibatch is folded into
 * token weights, so micro-batches give exactly the gradient of one batch. Trajectories without an advantage are left out, unless
 * the loss has a term that does not need one.
 */
async function updateWeights(
  updater: WeightUpdater,
  reference: ReferencePolicy | undefined,
  trajectories: readonly Trajectory[],
  advantages: readonly Float64Array[],
  config: RlConfig,
  learningRate: number,
): Promise<UpdateOutcome> {
  const isTrainedOn = trainsOnAll(config) ? () => true : hasSignal;
  const candidates = trajectories
    .map((trajectory, index) => ({ trajectory, advantages: advantages[index]! }))
    .filter((candidate) => isTrainedOn(candidate.advantages));
  const outcome = { loss: 0, gradNorm: 0, ratioSum: 0, ratioCount: 0, ratioError: 0, tokens: 0 };
  const seen = { tokens: 0, approxKl: 0, clipFraction: 0, referenceKl: 0 };
  const loss = trainerLoss(config, ({ metrics }) => {
    seen.tokens += metrics.tokens;
    seen.approxKl += metrics.approxKlK3 * metrics.tokens;
    seen.clipFraction += metrics.clipFraction * metrics.tokens;
    seen.referenceKl += metrics.referenceKl * metrics.tokens;
  });
  const { batchTokens, sampling } = config;
  const size = Math.max(1, Math.ceil(candidates.length / config.minibatches));
  const minibatches = Array.from({ length: Math.ceil(candidates.length / size) }, (_, index) => {
    const weighed = weigh(candidates.slice(index * size, (index + 1) * size), config, isTrainedOn);
    const references = reference?.logprobs(weighed, { batchTokens, temperature: sampling.temperature });
    return references === undefined
      ? weighed
      : weighed.map((sequence, i) => ({ ...sequence, referenceLogprobs: references[i]! }));
  });
  for (let epoch = 0; epoch < config.epochs; epoch += 1) {
    for (const [index, sequences] of minibatches.entries()) {
      const isFirst = epoch === 0 && index === 0;
      const recorded: MicroBatchLoss = (logprobs, rows, entropies) => {
        if (isFirst) recordRatios(outcome, logprobs, rows.behaviorLogprobs);
        return loss(logprobs, rows, entropies);
      };
      outcome.loss = updater.accumulate(sequences, batchTokens, recorded, sampling);
      outcome.gradNorm = updater.apply(learningRate);
      outcome.tokens += sequences.reduce((sum, { tokens }) => sum + tokens.length, 0);
      await setImmediate();
    }
  }
  return {
    loss: outcome.loss,
    gradNorm: outcome.gradNorm,
    firstRatio: outcome.ratioCount === 0 ? 1 : outcome.ratioSum / outcome.ratioCount,
    firstRatioError: outcome.ratioError,
    approxKl: seen.tokens === 0 ? 0 : seen.approxKl / seen.tokens,
    clipFraction: seen.tokens === 0 ? 0 : seen.clipFraction / seen.tokens,
    referenceKl: seen.tokens === 0 ? 0 : seen.referenceKl / seen.tokens,
    tokens: outcome.tokens,
  };
}

function weigh(
  minibatch: readonly { readonly trajectory: Trajectory; readonly advantages: Float64Array }[],
  { reduction }: Pick<RlConfig, 'reduction'>,
  isTrainedOn: typeof hasSignal,
): WeightedSequence[] {
  const weights = trajectoryWeights(
    minibatch.map(({ trajectory }) => trajectory.usage.completionTokens),
    reduction,
  );
  return minibatch.flatMap(({ trajectory, advantages }, index) =>
    joinSteps(trajectory.steps)
      .map(({ tokens, lossMask, behaviorLogprobs, steps }) => ({
        tokens,
        lossMask,
        behaviorLogprobs,
        weights: Float32Array.from(lossMask, (flag) => flag * weights[index]!),
        advantages: Float32Array.from(steps, (step) => advantages[step]!),
      }))
      .filter((sequence) => isTrainedOn(sequence.advantages)),
  );
}

/** Weight of each sampled token of a trajectory, by trajectory. */
function trajectoryWeights(sampledTokens: readonly number[], reduction: RlConfig['reduction']): Float64Array {
  const offsets = new Int32Array(sampledTokens.length + 1);
  for (const [index, count] of sampledTokens.entries()) offsets[index + 1] = offsets[index]! + count;
  return aggregationWeights({ mask: new Uint8Array(offsets.at(-1)!).fill(1), offsets }, reduction);
}

function recordRatios(
  outcome: { ratioSum: number; ratioCount: number; ratioError: number },
  logprobs: tf.Tensor1D,
  behavior: tf.Tensor1D,
): void {
  const now = logprobs.dataSync();
  const before = behavior.dataSync();
  for (let i = 0; i < now.length; i += 1) {
    const ratio = Math.exp(now[i]! - before[i]!);
    outcome.ratioSum += ratio;
    outcome.ratioError = Math.max(outcome.ratioError, Math.abs(ratio - 1));
  }
  outcome.ratioCount += now.length;
}

function rewardMeans(trajectories: readonly Trajectory[]) {
  const mean = (value: (trajectory: Trajectory) => number): number =>
    trajectories.reduce((sum, trajectory) => sum + value(trajectory), 0) / Math.max(1, trajectories.length);
  return {
    reward: mean(({ reward }) => reward!.total),
    format: mean(({ reward }) => reward!.format),
    correctness: mean(({ reward }) => reward!.correctness),
    turnsPassed: mean(({ reward }) => reward!.success),
    success: mean(({ valid }) => (valid === true ? 1 : 0)),
    redundancy: mean(({ reward }) => reward!.redundancy),
  };
}

/** Falls linearly over the budget of sampled tokens. */
function learningRateOf(
  { optimizer, finalLearningRateFraction, sampledTokenBudget }: RlConfig,
  sampled: number,
): number {
  return optimizer.learningRate * (1 - (1 - finalLearningRateFraction) * Math.min(1, sampled / sampledTokenBudget));
}

function hasSignal(advantages: Float64Array | Float32Array): boolean {
  return advantages.some((advantage) => advantage !== 0);
}

function completionTokens(trajectories: readonly Trajectory[]): number {
  return trajectories.reduce((sum, { usage }) => sum + usage.completionTokens, 0);
}

function silentShare(trajectories: readonly Trajectory[], advantages: readonly Float64Array[]): number {
  const groups = new Set(trajectories.map(({ groupId }) => groupId));
  const heard = new Set(trajectories.filter((_, i) => hasSignal(advantages[i]!)).map(({ groupId }) => groupId));
  return groups.size === 0 ? 1 : (groups.size - heard.size) / groups.size;
}

function sampledEntropy(trajectories: readonly Trajectory[]): number {
  let sum = 0;
  let count = 0;
  for (const { steps } of trajectories) {
    for (const { behaviorLogprobs } of steps) {
      for (const logprob of behaviorLogprobs) sum -= logprob;
      count += behaviorLogprobs.length;
    }
  }
  return count === 0 ? 0 : sum / count;
}
