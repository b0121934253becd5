import { setImmediate } from 'node:timers/promises';
import type { ContextMessage } from '@parl-mt/chat';
import { type TrainingExample, trainingExamples } from '@parl-mt/pag';
import type { ConversationCodec } from '@parl-mt/policy';
import { type SftExample, sftExamples } from '@parl-mt/rl';
import { CancelledError, type ContextConfig, type PagRecord, UsageError } from '@parl-mt/schema';

/** Records as a policy is trained on them, and how many do not fit the context. */
export interface EncodedRecords {
  readonly sequences: readonly SftExample[];
  readonly overflowed: number;
}

export interface EncodingOptions {
  /** Records so far. */
  readonly onProgress?: ((records: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Records between two looks at the signal. */
const RECORDS_AT_ONCE = 64;

/**
 * Renders and tokenises records. Others get their turn in between, since that takes long for a large dataset.
 *
 * @throws {UsageError} when none fits.
 * @throws {CancelledError} when the signal is aborted.
 */
export async function encodeRecords(
  records: readonly PagRecord[],
  codec: ConversationCodec,
  { mode, maxContextTokens, maxNewTokens }: ContextConfig,
  { onProgress, signal }: EncodingOptions = {},
): Promise<EncodedRecords> {
  // What was counted to find out whether it fits is not rendered and tokenised once more.
  const prompts = new WeakMap<readonly ContextMessage[], number[]>();
  const encodePrompt = (messages: readonly ContextMessage[]): number[] => {
    const tokens = prompts.get(messages) ?? codec.encodePrompt(messages);
    prompts.set(messages, tokens);
    return tokens;
  };
  const budget = {
    maxPromptTokens: maxContextTokens - maxNewTokens,
    countTokens: (messages: readonly ContextMessage[]) => encodePrompt(messages).length,
  };
  const examples: TrainingExample[] = [];
  for (let start = 0; start < records.length; start += RECORDS_AT_ONCE) {
    if (signal?.aborted) throw new CancelledError(`cancelled after ${start} of ${records.length} records were encoded`);
    const some = records.slice(start, start + RECORDS_AT_ONCE);
    examples.push(...trainingExamples(some, mode, budget).examples);
    onProgress?.(start + some.length);
    await setImmediate();
  }
  if (examples.length === 0) {
    throw new UsageError(
      `expected prompts of at most ${budget.maxPromptTokens} tokens, none of ${records.length} records fits: raise sft.context.maxContextTokens`,
    );
  }
  const sequences = sftExamples(examples, {
    encodePrompt,
    encodeCompletion: (completion) => codec.encodeCompletion(completion),
  });
  return { sequences, overflowed: records.length - examples.length };
}
