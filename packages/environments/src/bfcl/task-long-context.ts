import type { Task } from '@parl-mt/schema';
import type { LongContextData } from './long-context.js';

/** Keyed by the task object, so that the data need not travel inside of every task, and goes when the task does. */
const dataOfTask = new WeakMap<object, LongContextData>();

/** Says which long-context data a task was loaded with; instances of it find the data by themselves then. */
export function attachLongContext(task: Task, data: LongContextData): void {
  dataOfTask.set(task, data);
}

/** The data that a task was loaded with, undefined for copies of it and for tasks from elsewhere. */
export function attachedLongContext(task: object): LongContextData | undefined {
  return dataOfTask.get(task);
}
