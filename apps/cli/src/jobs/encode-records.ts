import { trainingExamples } from '@parl-mt/pag';
import type { ConversationCodec } from '@parl-mt/policy';
import { type SftExample, sftExamples } from '@parl-mt/rl';
import { type ContextConfig, type PagRecord, UsageError } from '@parl-mt/schema';

/**
 * Records as a policy is trained on them.
 *
 * @returns the sequences, and how many records do not fit the context.
 * @throws {UsageError} when none fits.
 */
export function encodeRecords(
  records: readonly PagRecord[],
  codec: ConversationCodec,
  { mode, maxContextTokens, maxNewTokens }: ContextConfig,
): { readonly sequences: readonly SftExample[]; readonly overflowed: number } {
  const { examples, overflowed } = trainingExamples(records, mode, {
    maxPromptTokens: maxContextTokens - maxNewTokens,
    countTokens: (messages) => codec.countPromptTokens(messages),
  });
  if (examples.length === 0) {
    throw new UsageError(
      `expected prompts of at most ${maxContextTokens - maxNewTokens} tokens, none of ${records.length} records fits: raise sft.context.maxContextTokens`,
    );
  }
  return { sequences: sftExamples(examples, codec), overflowed };
}
