import type { ToolSpec } from '@parl-mt/schema';

/** Name of the tool by which the policy answers the user. */
export const RESPOND = 'respond';

/** Every world has it: the policy's answer ends its turn, and what the user says next is the result. */
export const respondTool: ToolSpec = {
  name: RESPOND,
  description:
    'Say something to the user. This ends your turn: call it when the request is fulfilled, cannot be fulfilled, or needs something that only the user knows. The result is what the user says next, or that the conversation is over.',
  parameters: {
    type: 'object',
    properties: { message: { type: 'string', description: 'What you say to the user.' } },
    required: ['message'],
  },
};

/** The message of a `respond` call; undefined where there is none. */
export function respondMessage(argumentsText: string): string | undefined {
  try {
    const { message } = JSON.parse(argumentsText) as { message?: unknown };
    return typeof message === 'string' ? message : undefined;
  } catch {
    return undefined;
  }
}
