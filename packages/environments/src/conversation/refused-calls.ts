import type { ToolResult } from '@parl-mt/schema';

/** The result of a call after the end. */
export const conversationIsOver: ToolResult = refusal('the conversation is over');

/** The result of the call that ends a conversation by being one too many. */
export function tooManyCalls(maxCallsPerTurn: number): ToolResult {
  return refusal(`more than ${maxCallsPerTurn} calls in one turn end the conversation`);
}

function refusal(message: string): ToolResult {
  return { content: `Error during execution: ${message}`, isError: true, fault: 'policy', cause: 'tool_error' };
}
