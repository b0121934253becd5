import { RolloutError, type Task, type ToolCall, type ToolResult, type ToolSpec } from '@parl-mt/schema';
import type { GuardedEnvironment } from '../guarded-environment.js';
import { EpisodeCrash, STOP_MARKER, type TauUser } from '../tau-bench/episode.js';
import type { TauBenchEnvironment } from '../tau-bench/tau-bench-environment.js';
import type { CallOutcome, Conversation, TurnOpening, Verdict } from './conversation.js';
import { conversationIsOver, tooManyCalls } from './refused-calls.js';

export interface TauConversationOptions {
  readonly task: Task;
  readonly seed: number;
  /** The database of the task, not yet reset. */
  readonly world: TauBenchEnvironment;
  /** The same, guarded; closed with the conversation. */
  readonly environment: GuardedEnvironment;
  readonly user: TauUser;
  readonly maxCallsPerTurn: number;
  /** Answers of the policy; the last one ends the conversation, whatever the user says. */
  readonly maxTurns: number;
}

/**
 * A conversation with tau-bench's user, who decides when it is over. A user that fails (a model without an answer) ends it
 * without a verdict: the policy is not to blame.
 */
export class TauConversation implements Conversation {
  readonly turns = null;
  readonly #options: TauConversationOptions;
  #turn = 0;
  #callsInTurn = 0;
  #isOver = false;
  #userFailure: string | undefined;

  constructor(options: TauConversationOptions) {
    this.#options = options;
  }

  get instructions(): string {
    return this.#options.world.wiki;
  }

  tools(): readonly ToolSpec[] {
    return this.#options.environment.tools();
  }

  /** @throws {RolloutError} boundary "environment", when the user does not say anything. */
  async begin(): Promise<TurnOpening> {
    const { environment, task, seed, user } = this.#options;
    await environment.reset(task, seed);
    try {
      return this.#opening(await user.reset(instructionOf(task)));
    } catch (error) {
      throw new RolloutError('environment', `the simulated user failed: ${messageOf(error)}`, { cause: error });
    }
  }

  async call(call: ToolCall, signal?: AbortSignal): Promise<CallOutcome> {
    const { environment, world, maxCallsPerTurn } = this.#options;
    if (this.#isOver) return { result: conversationIsOver, isOver: true };
    this.#callsInTurn += 1;
    if (this.#callsInTurn > maxCallsPerTurn) return this.#end(tooManyCalls(maxCallsPerTurn));
    const result = await environment.call(call, signal);
    return world.isDone ? this.#end(result) : { result, isOver: false };
  }

  async respond(message: string): Promise<TurnOpening> {
    if (this.#isOver) return this.#over();
    const { world, user, maxTurns } = this.#options;
    world.respond(message);
    this.#turn += 1;
    this.#callsInTurn = 0;
    if (this.#turn >= maxTurns) return this.#over();
    try {
      const line = await user.step(message);
      return line.includes(STOP_MARKER) ? this.#over() : this.#opening(line);
    } catch (error) {
      // A line that cannot be read is a crash of the episode in the reference, with reward 0; anything else is no verdict.
      this.#userFailure = error instanceof EpisodeCrash ? undefined : messageOf(error);
      return this.#over();
    }
  }

  verdict(): Verdict {
    if (this.#userFailure !== undefined) {
      return { valid: null, progress: 0, details: { environment_error: this.#userFailure } };
    }
    const { reward, info } = this.#options.world.reward();
    return { valid: reward === 1, progress: reward, details: { ...info } };
  }

  async close(): Promise<void> {
    this.#isOver = true;
    await this.#options.environment.close();
  }

  #end(result: ToolResult): CallOutcome {
    this.#isOver = true;
    return { result, isOver: true };
  }

  #over(): TurnOpening {
    this.#isOver = true;
    return { turn: this.#turn, messages: [], revealedTools: [], isOver: true };
  }

  #opening(line: string): TurnOpening {
    return { turn: this.#turn, messages: [{ role: 'user', content: line }], revealedTools: [], isOver: false };
  }
}

/** What the simulated user knows and wants. */
function instructionOf(task: Task): string | null {
  return task.turns[0]?.messages[0]?.content ?? null;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
