import type { ChatMessage, ChatReplyMessage } from '@parl-mt/schema';

/** A function on offer, as chat APIs describe it. */
export interface ChatTool {
  readonly type: 'function';
  readonly function: { readonly name: string; readonly description: string; readonly parameters: object };
}

/** One completion to ask for. */
export interface ChatRequest {
  readonly messages: readonly ChatMessage[];
  readonly tools?: readonly ChatTool[] | undefined;
  /** Softmax temperature; absent: the model's default. */
  readonly temperature?: number | undefined;
  /** Most tokens of the answer; absent: the model's default. */
  readonly maxTokens?: number | undefined;
  /** Sampling seed, for endpoints that take one. */
  readonly seed?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Tokens as the endpoint counted them; 0 where it does not say. */
export interface ChatUsage {
  readonly promptTokens: number;
  readonly completionTokens: number;
}

export interface ChatCompletion {
  readonly message: ChatReplyMessage;
  /** Why the model stopped, in the endpoint's words: "stop", "length", "tool_calls", … */
  readonly finishReason: string;
  readonly usage: ChatUsage;
  /** In US dollars; undefined where prices are not known. */
  readonly costUsd: number | undefined;
}

/** Everything a model was asked so far. */
export interface ChatTotals extends ChatUsage {
  readonly requests: number;
  /** Tries beyond the first of each request. */
  readonly retries: number;
  /** In US dollars; undefined where prices are not known. */
  readonly costUsd: number | undefined;
}

/** A model that continues a chat: behind an endpoint, in this process, or scripted in a test. */
export interface ChatModel {
  readonly name: string;
  /**
   * @throws {RolloutError} boundary model, when no answer could be had; {UsageError} when asking again cannot help (wrong
   *   key, unknown model); the signal's reason when it is aborted.
   */
  complete(request: ChatRequest): Promise<ChatCompletion>;
  readonly totals: ChatTotals;
}
