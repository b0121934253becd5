import { z } from 'zod';
import { messageSchema, toolSpecSchema } from './message.js';

/** One turn of a task: what the user says, and which calls solve it. */
export const turnSchema = z.object({
  messages: z
    .array(messageSchema)
    .describe('User message(s) that open the turn; a turn that only reveals tools says so.'),
  groundTruth: z
    .array(z.string())
    .describe("Calls that solve the turn, as Python call texts `name(key='value')`; empty: the policy must not act."),
  revealedTools: z
    .array(z.string())
    .optional()
    .describe('Names of held-out functions that become available in this turn.'),
});
export type Turn = z.infer<typeof turnSchema>;

/** A multi-turn task over one environment. */
export const taskSchema = z.object({
  id: z.string().min(1),
  environment: z.string().describe('Environment kind, such as "bfcl".'),
  category: z.string().describe('Benchmark category, such as "base", or "synthetic".'),
  involvedClasses: z
    .array(z.string())
    .describe('Classes of the environment that the task uses, in the order of the checker.'),
  initialConfig: z.string().describe('Initial state as JSON text, number spelling kept (5 and 5.0 differ).'),
  tools: z.array(toolSpecSchema).describe('Functions that the policy sees from the first turn on.'),
  heldOutTools: z.array(toolSpecSchema).optional().describe('Functions that a later turn reveals.'),
  turns: z.array(turnSchema).min(1),
});
export type Task = z.infer<typeof taskSchema>;
