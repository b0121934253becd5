import { ConfigError, type Task, type ToolSpec } from '@parl-mt/schema';
import { JsonSyntaxError, readJson } from '../bfcl/python/json-reader.js';
import { pyJson, pyRepr } from '../bfcl/python/render.js';
import { PyDict, type PyValue } from '../bfcl/python/value.js';
import type { TauDomainName } from './domain.js';

/** One action: a tool call, or `respond` with the argument `content`. Numbers of `kwargs` keep int and float apart. */
export interface TauAction {
  readonly name: string;
  readonly kwargs: PyDict;
}

/** Name of the action that speaks to the user. */
export const RESPOND = 'respond';

/** One task of the benchmark. */
export interface TauTask {
  readonly domain: TauDomainName;
  readonly split: string;
  /** Position in its file, from 0: the task id of the official runner. */
  readonly index: number;
  readonly userId: string;
  /** What the simulated user knows and wants; never shown to the policy. */
  readonly instruction: string;
  /** Ground truth: the state after these is the wanted one. */
  readonly actions: readonly TauAction[];
  /** Texts that the agent must say to the user. */
  readonly outputs: readonly string[];
}

/**
 * Reads a task set.
 *
 * @param text - JSON list of `{user_id, instruction, actions: [{name, kwargs}], outputs}`.
 * @param where - file name, for messages.
 * @throws {ConfigError} for text that is not such a list.
 */
export function readTauTasks(text: string, domain: TauDomainName, split: string, where: string): TauTask[] {
  const list = readValue(text, where);
  if (!Array.isArray(list)) throw new ConfigError(`${where}: expected a list of tasks`);
  return list.map((record, index) => taskFromRecord(record, { domain, split, index }, `${where}[${index}]`));
}

/** @throws {ConfigError} for a record that is no task. */
function taskFromRecord(record: PyValue, place: Pick<TauTask, 'domain' | 'split' | 'index'>, where: string): TauTask {
  if (!(record instanceof PyDict)) throw new ConfigError(`${where}: expected an object`);
  const text = (key: string): string => {
    const value = record.get(key);
    if (typeof value !== 'string') throw new ConfigError(`${where}: expected ${key} to be a text`);
    return value;
  };
  const actions = record.get('actions');
  const outputs = record.get('outputs');
  if (!Array.isArray(actions)) throw new ConfigError(`${where}: expected actions to be a list`);
  if (!Array.isArray(outputs) || outputs.some((output) => typeof output !== 'string')) {
    throw new ConfigError(`${where}: expected outputs to be a list of texts`);
  }
  return {
    ...place,
    userId: text('user_id'),
    instruction: text('instruction'),
    actions: actions.map((action, index) => readTauAction(action, `${where}.actions[${index}]`)),
    outputs: outputs as string[],
  };
}

/** @throws {ConfigError} for a value that is no `{name, kwargs}`. */
export function readTauAction(value: PyValue, where: string): TauAction {
  const name = value instanceof PyDict ? value.get('name') : undefined;
  const kwargs = value instanceof PyDict ? value.get('kwargs') : undefined;
  if (typeof name !== 'string' || !(kwargs instanceof PyDict)) {
    throw new ConfigError(`${where}: expected {name: a text, kwargs: an object}`);
  }
  return { name, kwargs };
}

function readValue(text: string, where: string): PyValue {
  try {
    return readJson(text);
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw new ConfigError(`${where}: expected JSON: ${error.message}`);
    throw error;
  }
}

/** The task in the shape that every environment shares. Its whole record is in `initialConfig`. */
export function toTask(task: TauTask, tools: readonly ToolSpec[]): Task {
  return {
    id: `tau_bench_${task.domain}_${task.split}_${task.index}`,
    environment: 'tau-bench',
    category: `${task.domain}_${task.split}`,
    involvedClasses: [task.domain],
    initialConfig: pyJson(
      PyDict.of({
        domain: task.domain,
        split: task.split,
        index: BigInt(task.index),
        user_id: task.userId,
        instruction: task.instruction,
        actions: task.actions.map(({ name, kwargs }) => PyDict.of({ name, kwargs })),
        outputs: [...task.outputs],
      }),
    ),
    tools: [...tools],
    turns: [
      {
        messages: [{ role: 'user', content: task.instruction }],
        groundTruth: task.actions.map(actionText),
      },
    ],
  };
}

/**
 * The way back from {@link toTask}.
 *
 * @throws {ConfigError} for a task of another environment, or one that was changed.
 */
export function fromTask(task: Pick<Task, 'id' | 'initialConfig'>): TauTask {
  const where = `task ${task.id}: initialConfig`;
  const record = readValue(task.initialConfig, where);
  const field = (key: string): PyValue | undefined => (record instanceof PyDict ? record.get(key) : undefined);
  const [domain, split, index] = [field('domain'), field('split'), field('index')];
  if ((domain !== 'airline' && domain !== 'retail') || typeof split !== 'string' || typeof index !== 'bigint') {
    throw new ConfigError(`${where}: expected domain (airline, retail), split and index of a tau-bench task`);
  }
  return taskFromRecord(record, { domain, split, index: Number(index) }, where);
}

/** `name(key=value, …)` with Python literals. */
function actionText({ name, kwargs }: TauAction): string {
  return `${name}(${Array.from(kwargs.entries(), ([key, value]) => `${key}=${pyRepr(value)}`).join(', ')})`;
}
