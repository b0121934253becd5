import { z } from 'zod';
import { environmentLimitsSchema } from './environment-config.js';
import { contextConfigSchema, faultRateSchema, samplingConfigSchema } from './training-config.js';

export const evaluationConfigSchema = z.object({
  benchmark: z.enum(['synthetic', 'bfcl', 'tau-bench', 'records']).default('synthetic').meta({
    description:
      'Where the tasks come from. records: no episodes, each step of a dataset from its own past, compared with the target.',
    'x-flag': 'benchmark',
  }),
  categories: z
    .array(z.string())
    .default(['base'])
    .meta({ description: 'Benchmark categories.', 'x-flag': 'categories' }),
  tasks: z.number().int().min(1).default(200).describe('Held-out synthetic tasks; ignored by file benchmarks.'),
  taskLimit: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe('Only the first so many tasks of each category of bfcl, or records. Default: all.'),
  context: contextConfigSchema.prefault({}),
  sampling: samplingConfigSchema.prefault({ temperature: 0 }),
  limits: environmentLimitsSchema.prefault({}),
  stepLimit: z.number().int().min(1).default(20).describe('Steps per turn before the episode is ended.'),
  faultRate: faultRateSchema,
  bootstrapSamples: z.number().int().min(100).default(2000).describe('Resamples of the 95% interval over tasks.'),
  seed: z.number().int().min(0).default(1).describe('Sampling streams and bootstrap.'),
});
export type EvaluationConfig = z.infer<typeof evaluationConfigSchema>;
