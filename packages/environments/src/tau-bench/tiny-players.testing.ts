/** What a model is sent, as far as these players look at it. */
export interface TinyRequest {
  readonly messages: readonly { readonly role: string; readonly content: string | null }[];
  readonly tools?: readonly unknown[];
}

/** A text, or a message with tool calls. */
export type TinyAnswer = string | { readonly content: string | null; readonly tool_calls?: unknown };

const CANCEL = { order_id: '#W2', reason: 'no longer needed' };

/** An agent for the first retail task: asks, cancels the order and says so, in the words of each strategy. */
export function playTinyAgent({ messages, tools }: TinyRequest): TinyAnswer {
  const turn = messages.filter(({ role }) => role === 'assistant').length;
  const action = (name: string, args: object) => `Action:\n${JSON.stringify({ name, arguments: args })}`;
  if (tools !== undefined) {
    if (turn !== 1) return turn === 0 ? 'Shall I cancel #W2?' : 'Cancelled.';
    const call = { name: 'cancel_pending_order', arguments: JSON.stringify(CANCEL) };
    return { content: null, tool_calls: [{ id: 'call_1', type: 'function', function: call }] };
  }
  if (turn === 1) return action('cancel_pending_order', CANCEL);
  return action('respond', { content: turn === 0 ? 'Shall I cancel #W2?' : 'Cancelled.' });
}

/** A user that confirms, and stops when told that it is done; supervisors are content. */
export function playTinyUser({ messages }: TinyRequest): TinyAnswer {
  const [first] = messages;
  if (first?.content?.startsWith('You are a supervisor')) return 'true';
  const isReact = first?.content?.includes('User Response:');
  const last = messages.at(-1)?.content ?? '';
  const line = last.includes('Cancelled') ? '###STOP###' : last.includes('Shall I') ? 'Yes.' : 'Please cancel #W2.';
  return isReact ? `User Response:\n${line}` : line;
}
