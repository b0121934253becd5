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
