import { type PyDict, PythonError, type PyValue } from '../bfcl/python/value.js';
import { TauDatabase } from './database.js';
import type { TauDomain } from './domain.js';
import { lower } from './python-operations.js';
import type { TauTables } from './tables.js';
import { RESPOND, type TauAction } from './task.js';
import { invokeTool } from './tool.js';

/** Why a reward is what it is, as the official environment reports it. */
export type RewardInfo =
  | {
      /** 1 when the database is as the ground truth leaves it. */
      readonly r_actions: 0 | 1;
      readonly gt_data_hash: string;
    }
  | {
      /** 1 when every output was said. The reward also wants the database to match. */
      readonly r_outputs: 0 | 1;
      readonly outputs: { readonly [output: string]: boolean };
    };

export interface TauReward {
  readonly reward: 0 | 1;
  readonly info: RewardInfo;
  /** Whether the database is as the ground truth leaves it. */
  readonly isDatabaseRight: boolean;
}

/**
 * The reward of a finished episode: the database must hash as after the ground truth, and every output must be part of
 * something that was said to the user (case and the agent's commas do not count). Nothing is changed by asking.
 *
 * @param actions - everything the agent did, in order.
 * @param groundTruthHash - see {@link groundTruthHash}.
 * @throws {PythonError} AttributeError when an output is looked for in a `respond` whose content is no text.
 */
export function calculateReward(
  database: TauDatabase,
  actions: readonly TauAction[],
  outputs: readonly string[],
  groundTruthHash: string,
): TauReward {
  const isDatabaseRight = database.dataHash() === groundTruthHash;
  if (outputs.length === 0) {
    const reward = isDatabaseRight ? 1 : 0;
    return { reward, isDatabaseRight, info: { r_actions: reward, gt_data_hash: groundTruthHash } };
  }
  const found = outputs.map((output) => [output, isSaid(output, actions)] as const);
  const areSaid = found.every(([, isFound]) => isFound);
  return {
    reward: isDatabaseRight && areSaid ? 1 : 0,
    isDatabaseRight,
    info: { r_outputs: areSaid ? 1 : 0, outputs: Object.fromEntries(found) },
  };
}

function isSaid(output: string, actions: readonly TauAction[]): boolean {
  return actions.some(
    ({ name, kwargs }) => name === RESPOND && lower(contentOf(kwargs)).replaceAll(',', '').includes(lower(output)),
  );
}

/** @throws {PythonError} KeyError where there is none. */
export function contentOf(kwargs: PyDict): PyValue {
  const content = kwargs.get('content');
  if (content === undefined) throw new PythonError('KeyError', "'content'");
  return content;
}

/**
 * Hash of the database after a task's own actions, from fresh records. Calls that fail change what they changed before
 * failing, as in an episode; actions that end an episode, speak to the user or name no tool change nothing.
 */
export function groundTruthHash(domain: TauDomain, tables: TauTables, actions: readonly TauAction[]): string {
  const database = new TauDatabase(tables);
  for (const { name, kwargs } of actions) {
    const tool = Object.hasOwn(domain.tools, name) ? domain.tools[name] : undefined;
    if (tool === undefined || domain.terminateTools.has(name)) continue;
    invokeTool(domain.name, name, tool, kwargs, database);
  }
  return database.dataHash();
}
