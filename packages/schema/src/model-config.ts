import { z } from 'zod';

/** A Qwen2-style decoder; field names follow what Hugging Face calls them, in camel case. */
export const decoderConfigSchema = z.object({
  vocabSize: z
    .number()
    .int()
    .min(2)
    .default(2048)
    .describe('Most tokens of the vocabulary; a tokenizer trained on the data may need fewer.'),
  hiddenSize: z.number().int().min(2).default(128).describe('Width D of the residual stream.'),
  numLayers: z.number().int().min(1).default(3).describe('Decoder layers.'),
  numHeads: z.number().int().min(1).default(4).describe('Query heads; headDim is hiddenSize / numHeads.'),
  numKvHeads: z.number().int().min(1).default(4).describe('Key/value heads; divides numHeads.'),
  intermediateSize: z.number().int().min(1).default(384).describe('Width of the SwiGLU feed-forward.'),
  ropeTheta: z.number().positive().default(10_000).describe('Base of the rotary frequencies.'),
  initialization: z
    .enum(['mimetic', 'normal'])
    .default('mimetic')
    .describe('Fresh weights: normal, or mimetic (arXiv:2305.09828), where attention starts near copying.'),
  rmsNormEps: z.number().positive().default(1e-6).describe('Added to the mean square.'),
});
export type DecoderConfig = z.infer<typeof decoderConfigSchema>;

export const backendNameSchema = z
  .enum(['parl', 'tensorflow', 'cpu'])
  .describe('TF.js backend: parl (our addon), tensorflow (tfjs-node-gpu or tfjs-node, if installed), cpu (reference).');
export type BackendName = z.infer<typeof backendNameSchema>;

/** How the models of a family write calls. */
export const toolCallFormatSchema = z
  .enum(['hermes', 'llama', 'xlam', 'python'])
  .describe(
    'hermes: <tool_call> with JSON (Qwen, Hermes); llama: JSON (Llama 3.1); xlam: a JSON list; python: a list of Python calls (BFCL).',
  );
export type ToolCallFormatName = z.infer<typeof toolCallFormatSchema>;

/** How a model that other people trained is found, and how it speaks. Ignored by policies with our own tokenizer. */
export const pretrainedConfigSchema = z.object({
  revision: z.string().min(1).default('main').describe('Branch, tag or commit of a model of the hub.'),
  offline: z.boolean().default(false).describe('Only models that are in the cache; the hub is not asked.'),
  weights: z
    .enum(['float32', 'bfloat16'])
    .default('float32')
    .describe(
      'Its matrices in memory. bfloat16 takes half, computes in float32, and cannot be changed: train an adapter ("tuning" lora) beside it.',
    ),
  toolCallFormat: toolCallFormatSchema.optional().describe('How it writes calls. Default: as its chat template says.'),
  chatTemplate: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'File of a chat template (Jinja) in place of its own.', 'x-input': 'path' }),
  instructions: z
    .string()
    .optional()
    .describe(
      'Text before the functions in the system message. Default: how to call them, and with awareness what comes first.',
    ),
});
export type PretrainedConfig = z.infer<typeof pretrainedConfigSchema>;

/** What training changes. */
export const tuningSchema = z
  .enum(['full', 'lora'])
  .describe('full: every weight; lora: a low-rank adapter beside weights that stay as they are.');
export type Tuning = z.infer<typeof tuningSchema>;

export const memoryShortageSchema = z
  .enum(['refuse', 'warn'])
  .describe('What to do at the start of a run that is predicted to need more memory than is free.');
