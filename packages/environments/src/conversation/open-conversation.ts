import { type EnvironmentLimits, type Task, UsageError } from '@parl-mt/schema';
import { type CreateEnvironmentOptions, createEnvironment } from '../create-environment.js';
import { GuardedEnvironment } from '../guarded-environment.js';
import type { TauUser } from '../tau-bench/episode.js';
import { TauBenchEnvironment } from '../tau-bench/tau-bench-environment.js';
import type { Conversation } from './conversation.js';
import { BfclJudge, noJudge } from './judges.js';
import { ScriptedConversation } from './scripted-conversation.js';
import { TauConversation } from './tau-conversation.js';

export interface OpenConversationOptions extends CreateEnvironmentOptions {
  readonly limits: EnvironmentLimits;
  /** Calls of one turn; the next one ends the conversation. */
  readonly maxCallsPerTurn: number;
  /** Answers of the policy where the user decides when the conversation is over. */
  readonly maxTurns: number;
  /** Who speaks to the policy in tau-bench; needed there. */
  readonly createTauUser?: (() => TauUser) | undefined;
}

/**
 * A conversation over a task, in a guarded world of its own.
 *
 * @param seed - for whatever randomness the world has.
 * @throws {UsageError} for an unknown kind of task, or one whose option is missing.
 */
export function openConversation(task: Task, seed: number, options: OpenConversationOptions): Conversation {
  const { limits, maxCallsPerTurn, maxTurns, createTauUser } = options;
  const world = createEnvironment(task.environment, options);
  const shared = { task, seed, environment: new GuardedEnvironment(world, limits), maxCallsPerTurn };
  if (world instanceof TauBenchEnvironment) {
    if (createTauUser === undefined) throw new UsageError('expected the option createTauUser for a task of tau-bench');
    return new TauConversation({ ...shared, world, user: createTauUser(), maxTurns });
  }
  const judge = task.environment === 'bfcl' ? new BfclJudge(task) : noJudge;
  return new ScriptedConversation({ ...shared, judge });
}
