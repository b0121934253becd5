import type { Task } from '@parl-mt/schema';
import { createInstances } from './create-instances.js';
import type { InstanceSet } from './instance-set.js';
import type { LongContextData } from './long-context.js';
import { ProcessObjects } from './process-objects.js';
import { pyEquals } from './python/compare.js';
import { PythonError, type PyValue } from './python/value.js';

/** Decoded calls of a whole episode: [turn][step][call], Python call texts. */
export type ModelCalls = readonly (readonly (readonly string[])[])[];

export type CheckErrorType =
  | 'multi_turn:inference_error'
  | 'multi_turn:force_terminated'
  | 'multi_turn:empty_turn_model_response'
  | 'multi_turn:instance_state_mismatch'
  | 'multi_turn:execution_response_mismatch';

/** Why a turn, or the whole entry, was refused. */
export interface CheckFailure {
  readonly errorType: CheckErrorType;
  /** As the official checker words it. */
  readonly errorMessage: string;
  /** Turn that failed, counted from 0; absent where no turn is to blame. */
  readonly turn?: number;
  /** Attributes that differ, of the first class that does, in name order. */
  readonly differingAttributes?: readonly string[];
  /** Ground-truth results that the model's calls did not give. */
  readonly missingItems?: readonly string[];
}

export interface CheckVerdict extends Partial<CheckFailure> {
  readonly valid: boolean;
  /**
   * Turns passed before the first failure, out of `turnsTotal`. Counted also where the entry fails for its number of turns:
   * a policy that stopped in turn 3 did pass turns 1 and 2.
   */
  readonly turnsPassed: number;
  readonly turnsTotal: number;
}

export interface CheckOptions {
  /** As given to the environment; visible where string arguments quote calls. Default "policy". */
  readonly modelName?: string;
  readonly longContext?: LongContextData;
  /**
   * Objects that both sides share. Default: fresh ones, so that no entry sees another's changes. Passing the same ones for
   * every entry reproduces the official runner, whose verdicts depend on the order of the entries.
   */
  readonly process?: ProcessObjects;
}

/**
 * The official multi-turn verdict: model calls and ground truth run in two fresh instance sets, and after each turn with
 * ground truth the states must be equal and every ground-truth result must be among the model's results so far.
 *
 * @param modelCalls - turn, step, call; null where inference failed. Steps without calls are dropped.
 * @throws {ConfigError} when the task does not load.
 */
export function checkTask(
  task: Pick<Task, 'id' | 'involvedClasses' | 'initialConfig' | 'turns'>,
  modelCalls: ModelCalls | null,
  options: CheckOptions = {},
): CheckVerdict {
  const turnsTotal = task.turns.length;
  if (!Array.isArray(modelCalls)) {
    const errorMessage = 'Error during inference phase. Model did not output a list of model responses.';
    return { valid: false, errorType: 'multi_turn:inference_error', errorMessage, turnsPassed: 0, turnsTotal };
  }
  const { turnsPassed, failure } = checkTurns(task, modelCalls, options);
  if (modelCalls.length !== turnsTotal) {
    const errorMessage = `Model was force-terminated during inference phase. The length of the model result turns (${modelCalls.length}) does not match the length of the ground truth turns (${turnsTotal}).`;
    return { valid: false, errorType: 'multi_turn:force_terminated', errorMessage, turnsPassed, turnsTotal };
  }
  return failure === undefined
    ? { valid: true, turnsPassed, turnsTotal }
    : { valid: false, ...failure, turnsPassed, turnsTotal };
}

/** Checks the turns that both sides have, up to the first failure. */
function checkTurns(
  task: Pick<Task, 'id' | 'involvedClasses' | 'initialConfig' | 'turns'>,
  modelCalls: ModelCalls,
  { modelName = 'policy', longContext, process = new ProcessObjects() }: CheckOptions,
): { turnsPassed: number; failure?: CheckFailure } {
  // The two sides share what a Python process would share between them.
  const model = createInstances(task, `${modelName}_eval`, { longContext, process });
  const truth = createInstances(task, `${modelName}_ground_truth_eval`, { longContext, process });
  const pool = new Map<string, number>();
  const turns = Math.min(task.turns.length, modelCalls.length);
  for (let turn = 0; turn < turns; turn++) {
    const calls = effectiveSteps(modelCalls[turn] ?? []).flat();
    for (const call of calls) countUp(pool, model.execute(call).text);
    const expected = task.turns[turn]?.groundTruth ?? [];
    const results = expected.map((call) => truth.execute(call).text);
    if (expected.length === 0) continue;
    const failure = judgeTurn(turn, calls.length === 0, model, truth, results, pool);
    if (failure !== undefined) return { turnsPassed: turn, failure };
  }
  return { turnsPassed: turns };
}

/** Steps that decode to something: not an empty list, and not a list of one empty text. */
export function effectiveSteps(steps: readonly (readonly string[])[]): readonly (readonly string[])[] {
  return steps.filter((calls) => calls.length > 1 || (calls[0] ?? '') !== '');
}

function judgeTurn(
  turn: number,
  isEmpty: boolean,
  model: InstanceSet,
  truth: InstanceSet,
  results: readonly string[],
  pool: ReadonlyMap<string, number>,
): CheckFailure | undefined {
  if (isEmpty) {
    const errorMessage = `Model response list is empty for turn ${turn}`;
    return { errorType: 'multi_turn:empty_turn_model_response', errorMessage, turn };
  }
  for (const { name } of truth.classes) {
    const differingAttributes = differences(model, truth, name);
    if (differingAttributes.length === 0) continue;
    const errorMessage = `Model instance for ${name} does not match the state with ground truth instance.`;
    return { errorType: 'multi_turn:instance_state_mismatch', errorMessage, turn, differingAttributes };
  }
  const missingItems = missing(results, pool);
  if (missingItems.length === 0) return undefined;
  const errorMessage = `Model response execution results so far does not contain all the ground truth response execution results for turn ${turn}.`;
  return { errorType: 'multi_turn:execution_response_mismatch', errorMessage, turn, missingItems };
}

function differences(model: InstanceSet, truth: InstanceSet, className: string): string[] {
  const modelState = model.state(className) ?? {};
  return Object.entries(truth.state(className) ?? {})
    .filter(([attribute, value]) => !attribute.startsWith('_') && !isEqual(modelState[attribute] ?? null, value))
    .map(([attribute]) => attribute)
    .sort();
}

/** A comparison that Python gives up on (a cyclic tree) counts as a difference. */
function isEqual(a: PyValue, b: PyValue): boolean {
  try {
    return pyEquals(a, b);
  } catch (error) {
    if (error instanceof PythonError || error instanceof RangeError) return false;
    throw error;
  }
}

/** Results not in the pool, each pool entry used once; the pool itself is left full. */
function missing(results: readonly string[], pool: ReadonlyMap<string, number>): string[] {
  const used = new Map<string, number>();
  return results.filter((result) => {
    const count = used.get(result) ?? 0;
    if (count >= (pool.get(result) ?? 0)) return true;
    used.set(result, count + 1);
    return false;
  });
}

function countUp(pool: Map<string, number>, text: string): void {
  pool.set(text, (pool.get(text) ?? 0) + 1);
}

/**
 * The official irrelevance check, which scoring has not used since October 2024: in turns without ground truth the model
 * must not call anything.
 *
 * @returns the first turn that did, or undefined where all is well.
 */
export function findIrrelevantTurn(task: Pick<Task, 'turns'>, modelCalls: ModelCalls): number | undefined {
  const turn = task.turns.findIndex(
    ({ groundTruth }, index) => groundTruth.length === 0 && effectiveSteps(modelCalls[index] ?? []).length > 0,
  );
  return turn < 0 ? undefined : turn;
}
