import type { ContextMessage, ParsedCompletion, Segment } from '@parl-mt/chat';

/** A completion as a policy wrote it. */
export interface ReadCompletion {
  /** All of it, for people and logs. */
  readonly text: string;
  readonly parsed: ParsedCompletion;
}

/**
 * How one policy reads a conversation and writes its steps, in token ids. What a policy generated is kept as ids: it is never
 * decoded and encoded again.
 */
export interface ConversationCodec {
  /** Each of them ends a completion and is part of it. */
  readonly stopTokens: readonly number[];
  /** Length of {@link encodePrompt}. */
  countPromptTokens(messages: readonly ContextMessage[]): number;
  /**
   * What the policy reads before it writes: the messages, and the header of its answer.
   *
   * @param written - the beginning of the answer, to be gone on with. Default: nothing.
   */
  encodePrompt(messages: readonly ContextMessage[], written?: readonly Segment[]): number[];
  /** What the policy is to write. Without `<|end|>` as its last segment it is a part that goes on. */
  encodeCompletion(completion: readonly Segment[]): number[];
  /** What the policy wrote. Untrusted: any ids of its vocabulary give a result. */
  readCompletion(tokens: ArrayLike<number>, options: { readonly awareness: boolean }): ReadCompletion;
}
