import { z } from 'zod';

/** Linear maps of a decoder layer that an adapter can be added to, by Hugging Face's names. */
export const loraTargets = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'] as const;

/** A low-rank adapter (arXiv:2106.09685); names and meaning are those of PEFT's LoraConfig. */
export const loraConfigSchema = z.object({
  rank: z.number().int().min(1).max(4096).default(16).describe('Rank r of the added matrices.'),
  alpha: z.number().positive().max(1e6).default(32).describe('The addition is scaled by alpha / rank.'),
  useRsLora: z
    .boolean()
    .default(false)
    .describe('Scale by alpha / sqrt(rank) instead (rank-stabilised, arXiv:2312.03732).'),
  targets: z
    .array(z.enum(loraTargets))
    .min(1)
    .default([...loraTargets])
    .describe('Linear maps of each layer that get an adapter.'),
  dropout: z
    .number()
    .min(0)
    .max(0.9)
    .default(0)
    .describe(
      'Share of the input of A that training sets to zero; the rest is scaled up. Never when scoring or sampling.',
    ),
  rankPattern: z
    .record(z.string(), z.number().int().min(1).max(4096))
    .default({})
    .describe('Rank by module name, or by the end of it: overrides rank.'),
  alphaPattern: z
    .record(z.string(), z.number().positive().max(1e6))
    .default({})
    .describe('Alpha by module name, or by the end of it: overrides alpha.'),
});
export type LoraConfig = z.infer<typeof loraConfigSchema>;
export type LoraTarget = (typeof loraTargets)[number];
