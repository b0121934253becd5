import { z } from 'zod';
import { endpointConfigSchema } from './endpoint-config.js';

/** Runs of tau-bench: which tasks, who talks to whom. */
export const tauBenchConfigSchema = z.object({
  domain: z.enum(['retail', 'airline']).default('retail').describe('Domain of benchmark tau-bench.'),
  split: z
    .enum(['test', 'train', 'dev'])
    .default('test')
    .describe('Task set; retail has test, train and dev, airline has test.'),
  taskIds: z
    .array(z.number().int().min(0))
    .optional()
    .describe('Tasks by their position in the set, from 0; absent: all from start to end.'),
  start: z.number().int().min(0).default(0).describe('First task; ignored where taskIds are given.'),
  end: z.number().int().min(1).optional().describe('First task that is left out again; absent: none.'),
  trials: z.number().int().min(1).default(1).describe('Episodes of each task: pass^k is reported for k up to this.'),
  concurrency: z.number().int().min(1).default(4).describe('Most episodes under way at once.'),
  agent: z
    .object({
      strategy: z
        .enum(['tool-calling', 'act', 'react'])
        .default('tool-calling')
        .describe(
          'tool-calling: native function calls; act: JSON actions in the text; react: the same after a thought.',
        ),
      temperature: z.number().min(0).default(0).describe('Softmax temperature of the agent.'),
      maxSteps: z.number().int().min(1).default(30).describe('Answers of the agent before the episode is ended.'),
    })
    .prefault({}),
  user: z
    .object({
      strategy: z
        .enum(['llm', 'react', 'verify', 'reflection', 'scripted'])
        .default('llm')
        .describe('How the user is played; scripted needs no model: it states the instruction, then says the lines.'),
      lines: z
        .array(z.string())
        .default([])
        .describe('Answers of the scripted user, in order; after the last one it ends the conversation.'),
      ...endpointConfigSchema.shape,
      model: endpointConfigSchema.shape.model.default('gpt-4o'),
    })
    .prefault({}),
});
export type TauBenchConfig = z.infer<typeof tauBenchConfigSchema>;
