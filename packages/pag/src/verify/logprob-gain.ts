import { type ContextMessage, renderAwareness, type Segment, special, text, textMessage } from '@parl-mt/chat';
import { type PagRecord, RolloutError } from '@parl-mt/schema';

/** What a judge scores: the log-probability of the target after the messages and what is written before it. */
export interface JudgeItem {
  readonly messages: readonly ContextMessage[];
  /** The beginning of the answer, before the target. */
  readonly written: readonly Segment[];
  readonly target: readonly Segment[];
}

/** A policy that scores calls. */
export interface Judge {
  /** Identifies the weights: another judge makes cached verdicts stale. */
  readonly fingerprint: string;
  /**
   * @returns logprobs: sum over the target's tokens of their natural log-probability, shape [items];
   *   lengths: tokens of each target, shape [items], at least 1.
   */
  scoreCalls(
    items: readonly JudgeItem[],
  ): Promise<{ readonly logprobs: Float64Array; readonly lengths: Int32Array | Float64Array }>;
}

/** Records scored in one call of the judge; each gives two items. */
const BATCH_RECORDS = 64;

/**
 * Log-prob gain of records whose target is a call, in nats per token of the call:
 * `g = (log p(call | tools, user, awareness) - log p(call | tools, user)) / |call|`. Nothing else is in the prompts, so a
 * positive gain means that the awareness helps to reconstruct the call without any history.
 *
 * @param onBatch - called with the number of records scored so far.
 * @returns shape [records]; null where the target is a message.
 * @throws {RolloutError} boundary model, if the judge returns other lengths than asked or a number that is not finite.
 * @see DESIGN section 3, model-aware verification.
 */
export async function logprobGains(
  records: readonly PagRecord[],
  judge: Judge,
  onBatch: (done: number) => Promise<void> = async () => {},
): Promise<(number | null)[]> {
  const gains: (number | null)[] = records.map(() => null);
  const scored = records.flatMap((record, index) => (record.targetCalls.length > 0 ? [{ record, index }] : []));
  for (let start = 0; start < scored.length; start += BATCH_RECORDS) {
    const batch = scored.slice(start, start + BATCH_RECORDS);
    const items = batch.flatMap(({ record }) => judgeItems(record));
    const { logprobs, lengths } = await judge.scoreCalls(items);
    if (logprobs.length !== items.length || lengths.length !== items.length) {
      throw new RolloutError(
        'model',
        `expected ${items.length} log-probs and lengths from the judge, received ${logprobs.length} and ${lengths.length}`,
      );
    }
    batch.forEach(({ record, index }, place) => {
      const gain =
        ((logprobs[2 * place] ?? Number.NaN) - (logprobs[2 * place + 1] ?? Number.NaN)) / (lengths[2 * place] ?? 0);
      if (!Number.isFinite(gain)) {
        throw new RolloutError(
          'model',
          `expected a finite log-prob gain for task ${record.taskId}, turn ${record.turn}, step ${record.step}, received ${gain}`,
        );
      }
      gains[index] = gain;
    });
    await onBatch(start + batch.length);
  }
  return gains;
}

/** The two items of a record: its calls with the awareness, and with nothing. */
export function judgeItems(record: PagRecord): readonly [JudgeItem, JudgeItem] {
  const system = record.historyMessages.find(({ role }) => role === 'system');
  const messages = [
    ...(system === undefined ? [] : [textMessage('system', system.content)]),
    ...record.contextMessages.flatMap(({ role, content }) => (role === 'user' ? [textMessage('user', content)] : [])),
  ];
  const target = record.targetCalls.flatMap((callText) => [
    special('<tool_call>'),
    text(callText),
    special('</tool_call>'),
  ]);
  return [
    { messages, written: renderAwareness(record.awareness), target },
    { messages, written: [], target },
  ];
}
