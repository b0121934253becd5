import { type EnvironmentLimits, type Task, UsageError } from '@parl-mt/schema';
import { type CreateEnvironmentOptions, createEnvironment } from '../create-environment.js';
import { DelayedEnvironment } from '../delayed-environment.js';
import type { Environment } from '../environment.js';
import { GuardedEnvironment } from '../guarded-environment.js';
import type { TauUser } from '../tau-bench/episode.js';
import { TauBenchEnvironment } from '../tau-bench/tau-bench-environment.js';
import { UnreliableEnvironment } from '../unreliable-environment.js';
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
  /** Chance that a call fails in transit; see `UnreliableEnvironment`. Default 0. */
  readonly faultRate?: number | undefined;
  /** Functions that answer `ms` milliseconds later. */
  readonly delay?: { readonly functions: readonly string[]; readonly ms: number } | undefined;
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
  const environment = new GuardedEnvironment(asRealServices(world, options), limits);
  const shared = { task, seed, environment, maxCallsPerTurn };
  if (world instanceof TauBenchEnvironment) {
    if (createTauUser === undefined) throw new UsageError('expected the option createTauUser for a task of tau-bench');
    return new TauConversation({ ...shared, world, user: createTauUser(), maxTurns });
  }
  const judge = task.environment === 'bfcl' ? new BfclJudge(task) : noJudge;
  return new ScriptedConversation({ ...shared, judge });
}

/** The world with the failures and delays that are asked for. */
function asRealServices(world: Environment, { faultRate = 0, delay }: OpenConversationOptions): Environment {
  const unreliable = faultRate === 0 ? world : new UnreliableEnvironment(world, faultRate);
  const isDelayed = delay !== undefined && delay.functions.length > 0;
  return isDelayed ? new DelayedEnvironment(unreliable, delay.functions, delay.ms) : unreliable;
}
