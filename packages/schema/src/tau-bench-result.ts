import { z } from 'zod';
import { chatMessageSchema } from './chat-message.js';

/** One episode of a run, one line of `results.jsonl`. The first five fields are those of the official runner. */
export const tauBenchResultSchema = z.object({
  task_id: z.number().int(),
  trial: z.number().int(),
  reward: z.number(),
  info: z.object({
    reward_info: z.unknown().optional(),
    error: z
      .object({
        kind: z
          .enum(['crash', 'model'])
          .describe('crash: what was written could not be used, reward 0 as in the reference; model: no answer came.'),
        name: z.string().describe('Class of the exception in the reference, or the code of the error.'),
        message: z.string(),
      })
      .optional(),
  }),
  traj: z.array(chatMessageSchema),
  is_done: z.boolean().describe('False when the limit of steps, or an error, ended the episode.'),
  usage: z.object({
    agent_calls: z.number().int(),
    user_calls: z.number().int(),
    agent_cost_usd: z.number().nullable().describe('US dollars; null where prices are not known.'),
    user_cost_usd: z.number().nullable(),
    seconds: z.number(),
  }),
});
export type TauBenchResult = z.infer<typeof tauBenchResultSchema>;
