import type { ToolCall } from '@parl-mt/schema';

/** What a model wrote that is no call of the format: what was expected, what came, and where. */
export interface ToolCallError {
  /**
   * `syntax`: not JSON or not Python; `shape`: read, but no call; `incomplete`: the text ended inside a call; `trailing`: text
   * behind the calls where the format has none.
   */
  readonly kind: 'syntax' | 'shape' | 'incomplete' | 'trailing';
  readonly message: string;
  /** Offset in the whole text, in UTF-16 units. */
  readonly position: number;
}

/** A piece of a message, as soon as it is certain. */
export type ToolCallEvent =
  | { readonly type: 'content'; readonly text: string }
  | { readonly type: 'call'; readonly call: ToolCall }
  | { readonly type: 'error'; readonly error: ToolCallError };

/** Reads a message in pieces. What it gives does not depend on where the pieces are cut. */
export interface ToolCallStream {
  push(piece: string): ToolCallEvent[];
  /** To be called once, behind the last piece. */
  end(): ToolCallEvent[];
}

/** A whole message. With an error, content and calls are what came before it. */
export interface ParsedToolCalls {
  /** What the model says to the user; empty where it only calls. */
  readonly content: string;
  readonly calls: readonly ToolCall[];
  readonly error?: ToolCallError;
}

/** How the models of a family write calls. */
export interface ToolCallFormat {
  readonly name: 'hermes' | 'llama3-json' | 'xlam' | 'python';
  /**
   * The text of a message. `arguments` of a call are the JSON text of an object.
   * @throws {UsageError} for arguments that are none, for a name the format cannot write, and for content beside calls where
   *   the format has no room for it.
   */
  render(calls: readonly ToolCall[], content?: string): string;
  stream(): ToolCallStream;
}

/** Reads a whole message. Never throws. */
export function parseToolCalls(format: ToolCallFormat, text: string): ParsedToolCalls {
  const stream = format.stream();
  const calls: ToolCall[] = [];
  let content = '';
  let error: ToolCallError | undefined;
  for (const event of [...stream.push(text), ...stream.end()]) {
    if (event.type === 'content') content += event.text;
    else if (event.type === 'call') calls.push(event.call);
    else error = event.error;
  }
  return { content, calls, ...(error && { error }) };
}
