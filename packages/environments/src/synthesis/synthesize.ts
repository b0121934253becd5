import { CancelledError, ConfigError, type SynthesisConfig, type Task } from '@parl-mt/schema';
import { BfclEnvironment, builtInTools } from '../bfcl/bfcl-environment.js';
import { applyCategory, categoryName, type SynthesisCategory } from './category.js';
import { taskFingerprint } from './fingerprint.js';
import { coveredMethods, drawTurns } from './planner.js';
import { Random } from './random.js';
import { earlyReveals, unrecoverableArguments } from './recoverability.js';
import { drawScenario, type SynthesisClass, synthesisClasses } from './scenario.js';
import type { SynthesizedTask, TurnTrace } from './trace.js';
import { RejectedDraft, type TaskDraft } from './turn-draft.js';

export interface SynthesisOptions {
  /** Called after every task with the number done and the number asked for. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Checked before every task. */
  readonly signal?: AbortSignal;
}

/** Draws of one task that may fail before the knobs are blamed. */
const MAX_ATTEMPTS = 500;
/** Least share of the later turns that must talk about something an earlier turn made known. */
const DEPENDENT_SHARE = 0.5;
/** Chances of one, two, three and more classes in a task. */
const CLASS_COUNT_WEIGHTS = [0.35, 0.5, 0.15, 0.15, 0.1, 0.1, 0.05, 0.05];
/** Classes whose scenarios and results the long context lengthens. */
const LENGTHENED_CLASSES = ['GorillaFileSystem', 'TradingBot', 'TravelAPI', 'VehicleControlAPI'] as const;
/** Beyond every number of attempts. */
const CATEGORY_STREAM = 1_000_003;

/**
 * Multi-turn tasks with ground truth over the built-in classes, without a language model: an initial state is drawn, a walk
 * over the operations that the state allows gives the calls, each one is executed, and templates word them as a user would.
 *
 * Every task replays from a fresh environment to the same results and state; no ground-truth call fails or repeats; every
 * call that should change the state does; every argument is stated, referred to, or an earlier result; no message tells a
 * result before it is known; no two tasks are equal.
 *
 * @returns `config.tasks` tasks; equal configurations give equal tasks. The first n tasks do not depend on `config.tasks`.
 * @throws {ConfigError} for unknown classes, minTurns over maxTurns, and knobs that leave no task to draw.
 * @throws {CancelledError} when the signal is aborted.
 */
export function synthesizeTasks(config: SynthesisConfig, options: SynthesisOptions = {}): SynthesizedTask[] {
  return [...generateTasks(config, options)];
}

/** As `synthesizeTasks`, one task at a time. */
export function* generateTasks(
  config: SynthesisConfig,
  { onProgress, signal }: SynthesisOptions = {},
): Generator<SynthesizedTask, void, undefined> {
  const classes = requireClasses(config);
  const environment = new BfclEnvironment();
  const fingerprints = new Set<string>();
  for (let index = 0; index < config.tasks; index++) {
    if (signal?.aborted === true) throw new CancelledError('task synthesis cancelled');
    const task = drawTask(config, classes, index, environment, fingerprints);
    fingerprints.add(taskFingerprint(task.task));
    onProgress?.(index + 1, config.tasks);
    yield task;
  }
}

function requireClasses(config: SynthesisConfig): readonly SynthesisClass[] {
  const unknown = config.classes.filter((name) => !(synthesisClasses as readonly string[]).includes(name));
  if (unknown.length > 0 || config.classes.length === 0) {
    const received = unknown.length > 0 ? unknown.join(', ') : 'none';
    throw new ConfigError(`expected synthesis classes among ${synthesisClasses.join(', ')}, received ${received}`);
  }
  if (config.minTurns > config.maxTurns) {
    throw new ConfigError(`expected minTurns <= maxTurns, received ${config.minTurns} and ${config.maxTurns}`);
  }
  const methods = synthesisClasses.filter((name) => config.classes.includes(name)).flatMap(coveredMethods);
  const foreign = config.functions.filter((name) => !methods.includes(name));
  if (foreign.length > 0) {
    throw new ConfigError(
      `expected synthesis functions among ${methods.join(', ')} (those of ${config.classes.join(', ')}), received ${foreign.join(', ')}`,
    );
  }
  if (config.categories.length === 0) throw new ConfigError('expected at least one synthesis category, received none');
  const needsTwoTurns = config.categories.find((category) => category === 'miss_param' || category === 'miss_func');
  if (needsTwoTurns !== undefined && config.maxTurns < 2) {
    throw new ConfigError(`expected maxTurns of at least 2 for ${needsTwoTurns}, received ${config.maxTurns}`);
  }
  const classes = synthesisClasses.filter((name) => config.classes.includes(name));
  if (config.categories.includes('long_context') && !classes.some(isLengthened)) {
    throw new ConfigError(
      `expected a class that long_context lengthens (${LENGTHENED_CLASSES.join(', ')}), received ${classes.join(', ')}`,
    );
  }
  return classes;
}

function drawTask(
  config: SynthesisConfig,
  classes: readonly SynthesisClass[],
  index: number,
  environment: BfclEnvironment,
  fingerprints: ReadonlySet<string>,
): SynthesizedTask {
  const reasons = new Map<string, number>();
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    try {
      const drawn = attemptTask(new Random(config.seed, index, attempt), config, classes, index, environment);
      if (fingerprints.has(taskFingerprint(drawn.task))) throw new RejectedDraft('the same task exists already');
      return drawn;
    } catch (error) {
      if (!(error instanceof RejectedDraft)) throw error;
      reasons.set(error.message, (reasons.get(error.message) ?? 0) + 1);
    }
  }
  const [commonest] = [...reasons].sort((a, b) => b[1] - a[1]);
  throw new ConfigError(
    `expected the knobs to leave tasks to draw, but task ${index} failed ${MAX_ATTEMPTS} times, mostly: ${commonest?.[0]}`,
  );
}

function attemptTask(
  random: Random,
  config: SynthesisConfig,
  classes: readonly SynthesisClass[],
  index: number,
  environment: BfclEnvironment,
): SynthesizedTask {
  const involved = drawClasses(random, classes, config.maxClasses);
  const category = drawCategory(config, index);
  if (category === 'long_context' && !involved.some(isLengthened)) {
    throw new RejectedDraft('no class of the task has a long context');
  }
  const scenario = drawScenario(random, involved, config);
  const blank: Task = {
    id: `${categoryName(category)}_${config.seed}_${index}`,
    environment: 'bfcl',
    category: categoryName(category),
    involvedClasses: [...involved],
    initialConfig: scenario.initialConfig,
    tools: [],
    turns: [{ messages: [], groundTruth: [] }],
  };
  environment.reset(blank, 0);
  const references = { eligible: 0, referred: 0 };
  const draft: TaskDraft = {
    random,
    scenario,
    world: environment,
    referenceRate: config.referenceRate,
    referenceReach: config.referenceReach,
    phrasings: config.phrasings,
    allows: ({ methods }) => config.functions.length === 0 || methods.every((name) => config.functions.includes(name)),
    seenCalls: new Set(),
    references,
    dependentTurns: 0,
  };
  const trace = drawTurns(draft, withRoomFor(category, config));
  if (draft.dependentTurns < (trace.length - 1) * DEPENDENT_SHARE)
    throw new RejectedDraft('too few turns need an earlier one');
  requireSound(trace);
  requireReplay(environment, blank, trace);
  const task: Task = {
    ...blank,
    tools: drawTools(random, config, involved, trace),
    turns: trace.map(({ userMessage, calls }) => ({
      messages: [{ role: 'user' as const, content: userMessage }],
      groundTruth: calls.map(({ call }) => call),
    })),
  };
  const twisted = applyCategory(category, { task, trace, references }, random);
  requireSound(twisted.trace);
  return twisted;
}

/** The numbers of turns to draw: a turn that comes in later counts too. */
function withRoomFor(category: SynthesisCategory, config: SynthesisConfig): SynthesisConfig {
  if (category !== 'miss_param' && category !== 'miss_func') return config;
  return { ...config, minTurns: Math.max(1, config.minTurns - 1), maxTurns: config.maxTurns - 1 };
}

function isLengthened(name: SynthesisClass): boolean {
  return (LENGTHENED_CLASSES as readonly string[]).includes(name);
}

/** The category of a task: from a stream of its own, so that all draws of the task are of one category. */
function drawCategory({ categories, seed }: SynthesisConfig, index: number): SynthesisCategory {
  return new Random(seed, index, CATEGORY_STREAM).pick(categories);
}

function drawClasses(
  random: Random,
  classes: readonly SynthesisClass[],
  maxClasses: number,
): readonly SynthesisClass[] {
  const most = Math.min(classes.length, maxClasses);
  const counts = CLASS_COUNT_WEIGHTS.slice(0, most).map((_, i) => i + 1);
  const count = random.pickWeighted(counts, (value) => CLASS_COUNT_WEIGHTS[value - 1]!)!;
  const chosen = random.sample(classes, count);
  return classes.filter((name) => chosen.includes(name));
}

function requireSound(trace: readonly TurnTrace[]): void {
  const [problem] = [...unrecoverableArguments(trace), ...earlyReveals(trace)];
  if (problem !== undefined) throw new RejectedDraft(problem);
}

/** The calls alone, from a fresh environment, must give the same results and the same state. */
function requireReplay(environment: BfclEnvironment, task: Task, trace: readonly TurnTrace[]): void {
  const digest = environment.digest();
  environment.reset(task, 0);
  for (const { call, result } of trace.flatMap((turn) => turn.calls)) {
    if (environment.execute(call).content !== result) throw new RejectedDraft(`replay of ${call} differs`);
  }
  if (environment.digest() !== digest) throw new RejectedDraft('replay ends in another state');
}

/** Specs of the needed functions and some others of the same classes, in random order. */
function drawTools(
  random: Random,
  config: SynthesisConfig,
  involved: readonly SynthesisClass[],
  trace: readonly TurnTrace[],
): Task['tools'] {
  const needed = new Set(trace.flatMap((turn) => turn.calls.map(({ method }) => method)));
  const others = involved.flatMap(coveredMethods).filter((name) => !needed.has(name));
  const offered = new Set([...needed, ...random.sample(others, config.distractorTools)]);
  return random.shuffle(builtInTools(involved).filter(({ name }) => offered.has(name)));
}
