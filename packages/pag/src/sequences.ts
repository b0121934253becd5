import {
  type ContextMessage,
  ConversationContext,
  type PromptBudget,
  type RenderedPrompt,
  renderCallText,
  renderCompletion,
  type Segment,
} from '@parl-mt/chat';
import type { ContextMode, Message, PagRecord } from '@parl-mt/schema';

/** One supervised example: what the policy reads, and what it is to write. */
export interface TrainingExample {
  readonly taskId: string;
  readonly turn: number;
  readonly step: number;
  /** No loss; exactly what a rollout shows at this step. */
  readonly messages: readonly ContextMessage[];
  /** Loss on every token, `<|end|>` included. */
  readonly completion: readonly Segment[];
  /** Messages that the budget left out of the prompt. */
  readonly dropped: number;
}

/** Everything fits. */
const NO_BUDGET: PromptBudget = { maxPromptTokens: Number.POSITIVE_INFINITY, countTokens: () => 0 };

/**
 * Training examples of records in a context mode: awareness, plain calls (`history`), or both.
 *
 * @param records - as `buildPagDataset` makes them; each one is an example, in the given order.
 * @param budget - the budget of the rollouts, so that both truncate alike. Default: none.
 * @returns the examples, and how many records did not fit even without any history.
 */
export function trainingExamples(
  records: readonly PagRecord[],
  mode: ContextMode,
  budget: PromptBudget = NO_BUDGET,
): { readonly examples: readonly TrainingExample[]; readonly overflowed: number } {
  const examples = records.flatMap((record) => {
    const prompt = renderRecordPrompt(record, mode, budget);
    return prompt.ok
      ? [
          {
            taskId: record.taskId,
            turn: record.turn,
            step: record.step,
            messages: prompt.messages,
            completion: recordCompletion(record, mode),
            dropped: prompt.dropped,
          },
        ]
      : [];
  });
  return { examples, overflowed: records.length - examples.length };
}

/** The prompt of a record's step, rendered by the same code as a rollout's. */
export function renderRecordPrompt(
  record: PagRecord,
  mode: ContextMode,
  budget: PromptBudget = NO_BUDGET,
): RenderedPrompt {
  return replay(record.historyMessages, mode).renderPrompt(budget);
}

/** What the policy is to write at a record's step, all trained. */
export function recordCompletion(record: PagRecord, mode: ContextMode): Segment[] {
  return renderCompletion({
    awareness: mode === 'history' ? undefined : record.awareness,
    callTexts: record.targetCalls,
    message: record.targetMessage,
  });
}

/** Walks through messages: users open turns, assistant messages are steps, tool messages their results. */
function replay(messages: readonly Message[], mode: ContextMode): ConversationContext {
  const system = messages.find(({ role }) => role === 'system');
  const context = new ConversationContext(system?.content ?? '', mode);
  const dialogue = messages.filter(({ role }) => role !== 'system');
  let at = 0;
  while (at < dialogue.length) {
    const message = dialogue[at] as Message;
    const end = endOfRun(dialogue, at + 1, message.role === 'user' ? 'user' : 'tool');
    if (message.role === 'user') {
      context.beginTurn(dialogue.slice(at, end).map(({ content }) => content));
    } else {
      const callTexts = (message.toolCalls ?? []).map(renderCallText);
      context.addStep({
        awareness: message.awareness,
        callTexts,
        message: callTexts.length > 0 ? undefined : message.content,
        results: dialogue.slice(at + 1, end).map(({ content }) => content),
      });
    }
    at = end;
  }
  return context;
}

function endOfRun(messages: readonly Message[], start: number, role: Message['role']): number {
  let end = start;
  while (messages[end]?.role === role) {
    end += 1;
  }
  return end;
}
