import { memberText } from '../arguments-text.js';

/** Where a request keeps the text of its arguments. */
export const ARGUMENTS_META = 'parl-mt/arguments';

/**
 * A JSON-RPC message, where a tool call carries its arguments also as they were spelled: the SDK parses messages, and a
 * parsed 5.0 is a 5. What a client has put there itself is overwritten.
 *
 * @throws {SyntaxError | JsonSyntaxError} for text that is no JSON, or nested too deep.
 */
export function parseWithArguments(text: string): unknown {
  const message = JSON.parse(text) as { method?: unknown; params?: unknown } | null;
  if (typeof message !== 'object' || message === null || message.method !== 'tools/call') return message;
  const { params } = message;
  if (typeof params !== 'object' || params === null || Array.isArray(params)) return message;
  const { _meta: meta } = params as { _meta?: unknown };
  const rest = typeof meta === 'object' && meta !== null ? meta : {};
  const spelled = memberText(text, ['params', 'arguments']) ?? '{}';
  return { ...message, params: { ...params, _meta: { ...rest, [ARGUMENTS_META]: spelled } } };
}
