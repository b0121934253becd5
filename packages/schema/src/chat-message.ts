import { z } from 'zod';

/** A function call in the wire format of OpenAI's chat completions. */
export const chatToolCallSchema = z.object({
  id: z.string(),
  type: z.literal('function'),
  function: z.object({
    name: z.string(),
    arguments: z.string().describe('JSON text, as the model wrote it: number spelling kept, validity not given.'),
  }),
});
export type ChatToolCall = z.infer<typeof chatToolCallSchema>;

/** What a model answers, in the same format. */
export const chatReplyMessageSchema = z.object({
  role: z.literal('assistant'),
  content: z.string().nullable(),
  tool_calls: z.array(chatToolCallSchema).nullish(),
});
export type ChatReplyMessage = z.infer<typeof chatReplyMessageSchema>;

/** One message of a chat, in the wire format: what is stored of a benchmark run is what was sent. */
export const chatMessageSchema = z.union([
  z.object({ role: z.enum(['system', 'user']), content: z.string().nullable() }),
  chatReplyMessageSchema,
  z.object({ role: z.literal('tool'), tool_call_id: z.string(), name: z.string().optional(), content: z.string() }),
]);
export type ChatMessage = z.infer<typeof chatMessageSchema>;
