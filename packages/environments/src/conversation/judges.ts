import { RolloutError, type Task, type ToolCall } from '@parl-mt/schema';
import { BfclEnvironment } from '../bfcl/bfcl-environment.js';
import { checkTask } from '../bfcl/checker.js';
import type { Verdict } from './conversation.js';
import type { ConversationJudge } from './scripted-conversation.js';

/** The official BFCL checker. A conversation that ended before its last turn is refused, as after a forced end there. */
export class BfclJudge implements ConversationJudge {
  readonly #task: Task;
  /** Python call texts, [turn][step of one call]. */
  readonly #calls: string[][][] = [];

  constructor(task: Task) {
    this.#task = task;
  }

  note(turn: number, call: ToolCall): void {
    try {
      this.#turn(turn).push([BfclEnvironment.renderCall(call)]);
    } catch (error) {
      // A call that is none was not executed, so there is nothing to judge.
      if (!(error instanceof RolloutError)) throw error;
    }
  }

  verdict(turns: number): Verdict {
    const calls = Array.from({ length: turns }, (_, turn) => this.#calls[turn] ?? []);
    const verdict = checkTask(this.#task, calls);
    const { valid, turnsPassed, turnsTotal, errorType, turn } = verdict;
    return {
      valid,
      progress: turnsPassed / turnsTotal,
      details: {
        valid,
        turns_passed: turnsPassed,
        turns_total: turnsTotal,
        ...(errorType === undefined ? {} : { error_type: errorType }),
        ...(turn === undefined ? {} : { failed_turn: turn }),
      },
    };
  }

  #turn(turn: number): string[][] {
    while (this.#calls.length <= turn) this.#calls.push([]);
    return this.#calls[turn]!;
  }
}

/** Tools of a foreign server have no benchmark: nobody judges. */
export const noJudge: ConversationJudge = {
  note() {},
  verdict: () => ({ valid: null, progress: 0, details: {} }),
};
