import { z } from 'zod';
import { awarenessSchema, messageSchema } from './message.js';

/** Scores of the verification stages; a record is kept when every gate passes. */
export const verificationSchema = z.object({
  format: z.boolean(),
  grounded: z.boolean().describe('Every literal of the summary occurs in the history.'),
  noHindsight: z.boolean().describe('The plan holds no literal that only the future reveals.'),
  logprobGain: z
    .number()
    .nullable()
    .describe('(log p(call | awareness) - log p(call | nothing)) / |call|, nats per token; null where no judge ran.'),
  reconstructionRate: z
    .number()
    .nullable()
    .describe('Share of sampled calls with the same effect; null where not sampled.'),
});
export type Verification = z.infer<typeof verificationSchema>;

/** One training record of PAG: context and awareness lead to the target calls. */
export const pagRecordSchema = z.object({
  taskId: z.string(),
  turn: z.number().int().min(0),
  step: z.number().int().min(0),
  previousAwareness: awarenessSchema.optional().describe('Awareness of the step before, as the policy sees it.'),
  contextMessages: z.array(messageSchema).describe('Current user message and the interactions since that awareness.'),
  historyMessages: z
    .array(messageSchema)
    .describe('Everything before this step, for history contexts and for grounding.'),
  awareness: awarenessSchema,
  targetCalls: z.array(z.string()).describe('Python call texts; empty where the turn ends.'),
  targetMessage: z.string().optional().describe('Final message where the turn ends.'),
  verification: verificationSchema,
  provenance: z.object({
    generator: z.string(),
    promptHash: z.string(),
    seed: z.number().int(),
    augmentation: z.string().optional(),
  }),
  split: z.enum(['train', 'validation']),
});
export type PagRecord = z.infer<typeof pagRecordSchema>;
