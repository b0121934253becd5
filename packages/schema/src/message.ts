import { z } from 'zod';

/** A function call of the policy. Arguments stay JSON *text*: `5` and `5.0` are different values to a tool. */
export const toolCallSchema = z.object({
  id: z.string().optional().describe('Call id of chat APIs; absent in text formats.'),
  name: z.string().min(1).describe('Function name.'),
  arguments: z.string().describe('Arguments: JSON text of one object, number spelling kept.'),
});
export type ToolCall = z.infer<typeof toolCallSchema>;

/** Progress awareness (PARL-MT section 3): what is done, and what is left to do. */
export const awarenessSchema = z.object({
  summary: z.string().describe('What was asked, done, learned and failed so far.'),
  plan: z.string().describe('What remains, with the intent of the next call.'),
});
export type Awareness = z.infer<typeof awarenessSchema>;

/** One message of a conversation. */
export const messageSchema = z.object({
  role: z.enum(['system', 'user', 'assistant', 'tool']),
  content: z.string().describe('Text; for role tool the result as the policy sees it.'),
  awareness: awarenessSchema.optional().describe('Role assistant: the awareness written before acting.'),
  toolCalls: z.array(toolCallSchema).optional().describe('Role assistant: calls in order of execution.'),
  toolCallId: z.string().optional().describe('Role tool: the call that this answers.'),
});
export type Message = z.infer<typeof messageSchema>;

/** A function the policy may call, as chat APIs describe it. */
export const toolSpecSchema = z.object({
  name: z.string().min(1),
  description: z.string(),
  parameters: z
    .record(z.string(), z.unknown())
    .describe('JSON Schema of the arguments object: {type: "object", properties, required}.'),
});
export type ToolSpec = z.infer<typeof toolSpecSchema>;
