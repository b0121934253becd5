import type { ChatMessage, ChatReplyMessage } from '@parl-mt/schema';

/** One completion to ask a chat model for. */
export interface ChatFunctionRequest {
  readonly messages: readonly ChatMessage[];
  /** Functions on offer, `{type: "function", function}`; absent: none. */
  readonly tools?: readonly ChatFunctionTool[] | undefined;
  /** Softmax temperature; absent: the endpoint's default. */
  readonly temperature?: number | undefined;
}

/** A function as chat APIs describe it. */
export interface ChatFunctionTool {
  readonly type: 'function';
  readonly function: { readonly name: string; readonly description: string; readonly parameters: object };
}

export interface ChatFunctionReply {
  readonly message: ChatReplyMessage;
  /** In US dollars; undefined where prices are not known. */
  readonly costUsd?: number | undefined;
}

/**
 * All that agents and simulated users need of a chat model. `ChatModel.complete` of @parl-mt/chat is one; this package may
 * not import that one, and a test needs less.
 */
export type ChatFunction = (request: ChatFunctionRequest) => Promise<ChatFunctionReply>;
