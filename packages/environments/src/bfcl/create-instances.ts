import { ConfigError, type Task } from '@parl-mt/schema';
import type { ApiClass, CalendarDate } from './api-class.js';
import { builtInLongContext } from './built-in-long-context.js';
import { InstanceSet } from './instance-set.js';
import type { LongContextData } from './long-context.js';
import { ProcessObjects } from './process-objects.js';
import { JsonSyntaxError, readJson } from './python/json-reader.js';
import { PyDict, PythonError } from './python/value.js';
import { apiClass, apiClassNames } from './registry.js';
import { attachedLongContext } from './task-long-context.js';

export interface InstanceOptions {
  /** Needed by tasks of the long-context categories that were not loaded with it; ignored by others. */
  readonly longContext?: LongContextData | undefined;
  /** Default: fresh ones. */
  readonly process?: ProcessObjects;
  /** Default: the UTC date of the clock. */
  readonly today?: () => CalendarDate;
}

/** Whether a task belongs to a category whose scenarios and results are extended; its id decides, as in the official runner. */
export function isLongContextTask({ id }: Pick<Task, 'id'>): boolean {
  return /long_context|composite/.test(id);
}

/**
 * Fresh instances for a task.
 *
 * @param modelName - a part of the instances' global names, which show where string arguments quote calls.
 * @throws {ConfigError} for unknown classes, scenarios that do not load, and missing long-context data.
 */
export function createInstances(
  task: Pick<Task, 'id' | 'involvedClasses' | 'initialConfig'>,
  modelName: string,
  { longContext, process = new ProcessObjects(), today = dateOfClock }: InstanceOptions = {},
): InstanceSet {
  const classes = task.involvedClasses.map((name) => requireClass(name, task.id));
  const extension = isLongContextTask(task) ? requireLongContext(task, longContext) : undefined;
  try {
    const config = readJson(task.initialConfig);
    if (!(config instanceof PyDict)) throw new ConfigError(`task ${task.id}: expected initialConfig to be an object`);
    return new InstanceSet({
      classes,
      config,
      namePrefix: `${modelName}_${task.id}`,
      context: { longContext: extension, process, today },
    });
  } catch (error) {
    if (!(error instanceof PythonError) && !(error instanceof JsonSyntaxError)) throw error;
    throw new ConfigError(`task ${task.id}: initialConfig does not load: ${error.message}`, { cause: error });
  }
}

function requireLongContext(task: Pick<Task, 'id'>, given: LongContextData | undefined): LongContextData {
  const own = task.id.startsWith('synthetic_') ? builtInLongContext() : undefined;
  const data = given ?? attachedLongContext(task) ?? own;
  if (data !== undefined) return data;
  throw new ConfigError(
    `task ${task.id}: expected long-context data for this category, received none; load the task with loadBfclTasks from a ` +
      'folder that has long_context_data.json, or pass loadLongContext(FILE)',
  );
}

function requireClass(name: string, taskId: string): ApiClass {
  const api = apiClass(name);
  if (api !== undefined) return api;
  throw new ConfigError(`task ${taskId}: expected involvedClasses among ${apiClassNames.join(', ')}, received ${name}`);
}

function dateOfClock(): CalendarDate {
  const now = new Date();
  return { year: now.getUTCFullYear(), month: now.getUTCMonth() + 1, day: now.getUTCDate() };
}
