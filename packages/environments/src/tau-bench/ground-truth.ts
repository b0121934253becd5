import { PyDict } from '../bfcl/python/value.js';
import type { TauWorld } from './load-world.js';
import { RESPOND, type TauAction, type TauTask } from './task.js';

/** A task's own actions, then one line to the user that says every output. */
export function groundTruthActions(world: TauWorld, task: TauTask): TauAction[] {
  const played = task.actions.filter(({ name }) => !world.domain.terminateTools.has(name));
  return [...played, { name: RESPOND, kwargs: PyDict.of({ content: `Summary: ${task.outputs.join(' ')}` }) }];
}
