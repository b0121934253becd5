import { z } from 'zod';
import { closeSchema } from './closed-schema.js';
import { pretrainedConfigSchema } from './model-config.js';

/** `export`: a policy as other programs load it. */
export const exportConfigSchema = closeSchema(
  z.object({
    policy: z.string().min(1).meta({
      description:
        'What to export: a folder that "sft" or "train" wrote, a Hugging Face folder, a PEFT adapter folder (it is put into its base), a .gguf file, or a model of the hub (owner/name or owner/name/FILE.gguf).',
      'x-input': 'model',
    }),
    outDir: z
      .string()
      .min(1)
      .meta({ description: 'Folder for the files; it must hold no model yet.', 'x-flag': 'out' }),
    dtype: z.enum(['float32', 'bfloat16']).default('float32').describe('Element type of the weights.'),
    maxShardBytes: z
      .number()
      .int()
      .min(1)
      .default(5e9)
      .describe('Weights above this size are cut into files of at most that; in bytes.'),
    pretrained: pretrainedConfigSchema.prefault({}),
  }),
).describe('Write a policy as transformers loads it: merged weights, configuration, tokenizer and chat template.');
export type ExportConfig = z.infer<typeof exportConfigSchema>;
