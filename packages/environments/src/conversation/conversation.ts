import type { Message, ToolCall, ToolResult, ToolSpec } from '@parl-mt/schema';

/** What the policy hears when its turn begins. */
export interface TurnOpening {
  /** Counted from 0. */
  readonly turn: number;
  /** Empty where the turn only reveals tools, and where the conversation is over. */
  readonly messages: readonly Message[];
  /** Functions that are on offer from now on. */
  readonly revealedTools: readonly ToolSpec[];
  /** Nothing is left to do: there is a verdict. */
  readonly isOver: boolean;
}

/** What one call led to. */
export interface CallOutcome {
  readonly result: ToolResult;
  /** The call ended the conversation, by what it did or by being one too many. */
  readonly isOver: boolean;
}

/** What the benchmark says about a conversation, finished or not. */
export interface Verdict {
  /** Whether the benchmark accepts it; null where nobody judges. */
  readonly valid: boolean | null;
  /** Share of the task that is done, in [0, 1]: 1 where it is accepted. */
  readonly progress: number;
  /** The benchmark's own figures and reasons, JSON-shaped. */
  readonly details: Readonly<Record<string, unknown>>;
}

/**
 * One episode as a policy lives through it: a user speaks, the policy calls functions, answers, and the user speaks again.
 * The policy's answer ends its turn. Calls never throw; one conversation sees nothing of another.
 */
export interface Conversation {
  /** Turns of the task; null where the user decides when it is over. */
  readonly turns: number | null;
  /** What a system prompt should say; absent where the benchmark has none. */
  readonly instructions?: string | undefined;
  /** Functions on offer now. */
  tools(): readonly ToolSpec[];
  /** Starts the world and hears the user. Once, before anything else. */
  begin(): Promise<TurnOpening>;
  /** Executes a call, unless the conversation is over: then it is refused. */
  call(call: ToolCall, signal?: AbortSignal): Promise<CallOutcome>;
  /** Ends the turn with what the policy says. */
  respond(message: string): Promise<TurnOpening>;
  verdict(): Verdict;
  /** Ends the world. Idempotent. */
  close(): Promise<void>;
}
