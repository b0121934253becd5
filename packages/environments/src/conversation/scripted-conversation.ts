import type { Message, Task, ToolCall, ToolSpec, Turn } from '@parl-mt/schema';
import { REVEAL_MESSAGE } from '../bfcl/load-tasks.js';
import type { GuardedEnvironment } from '../guarded-environment.js';
import type { CallOutcome, Conversation, TurnOpening, Verdict } from './conversation.js';
import { conversationIsOver, tooManyCalls } from './refused-calls.js';

/** How a scripted conversation is judged. */
export interface ConversationJudge {
  /** Notes an executed call in its turn. */
  note(turn: number, call: ToolCall): void;
  /** @param turns - turns that count: those that the policy has answered, and one that a limit has ended. */
  verdict(turns: number): Verdict;
}

export interface ScriptedConversationOptions {
  readonly task: Task;
  readonly seed: number;
  /** Not yet reset; closed with the conversation. */
  readonly environment: GuardedEnvironment;
  readonly judge: ConversationJudge;
  /** Calls of one turn; the next one ends the conversation, as the official runner's step limit does. */
  readonly maxCallsPerTurn: number;
}

/** A conversation whose user says what the task's turns say, whatever the policy answers. */
export class ScriptedConversation implements Conversation {
  readonly turns: number;
  readonly #options: ScriptedConversationOptions;
  #turn = 0;
  /** Turns that count in the verdict. */
  #turnsEnded = 0;
  #callsInTurn = 0;
  #isOver = false;
  #tools: readonly ToolSpec[] = [];

  constructor(options: ScriptedConversationOptions) {
    this.#options = options;
    this.turns = options.task.turns.length;
  }

  tools(): readonly ToolSpec[] {
    return this.#tools;
  }

  async begin(): Promise<TurnOpening> {
    const { environment, task, seed } = this.#options;
    await environment.reset(task, seed);
    // A task that names no tools offers what its world has: the tools of a foreign server are known only now.
    this.#tools = task.tools.length > 0 ? task.tools : environment.tools();
    return this.#open();
  }

  async call(call: ToolCall, signal?: AbortSignal): Promise<CallOutcome> {
    const { environment, judge, maxCallsPerTurn } = this.#options;
    if (this.#isOver) return { result: conversationIsOver, isOver: true };
    this.#callsInTurn += 1;
    if (this.#callsInTurn > maxCallsPerTurn) {
      this.#isOver = true;
      // As in the official runner: what the turn has done counts, and in the last turn that may be enough.
      this.#turnsEnded += 1;
      return { result: tooManyCalls(maxCallsPerTurn), isOver: true };
    }
    const turn = this.#turn;
    // Noted first: calls that run at once are judged in the order in which they came.
    judge.note(turn, call);
    return { result: await environment.call(call, signal), isOver: false };
  }

  async respond(_message: string): Promise<TurnOpening> {
    if (!this.#isOver) {
      this.#turnsEnded += 1;
      this.#turn += 1;
      this.#callsInTurn = 0;
    }
    return this.#open();
  }

  verdict(): Verdict {
    return this.#options.judge.verdict(this.#turnsEnded);
  }

  async close(): Promise<void> {
    this.#isOver = true;
    await this.#options.environment.close();
  }

  #open(): TurnOpening {
    const { task } = this.#options;
    const turn = this.#isOver ? undefined : task.turns[this.#turn];
    if (turn === undefined) {
      this.#isOver = true;
      return { turn: this.#turn, messages: [], revealedTools: [], isOver: true };
    }
    const revealedTools = revealed(task, turn);
    if (revealedTools.length > 0) this.#tools = [...this.#tools, ...revealedTools];
    const messages = turn.messages.length === 0 && revealedTools.length > 0 ? [revealMessage] : turn.messages;
    return { turn: this.#turn, messages, revealedTools, isOver: false };
  }
}

function revealed(task: Task, turn: Turn): ToolSpec[] {
  const names = new Set(turn.revealedTools ?? []);
  return (task.heldOutTools ?? []).filter(({ name }) => names.has(name));
}

/** What the official runner says in place of a user. */
const revealMessage: Message = { role: 'user', content: REVEAL_MESSAGE };
