import { z } from 'zod';

/** A chat model behind any server that speaks OpenAI's chat completions. */
export const endpointConfigSchema = z.object({
  model: z.string().min(1).describe('Name of the model, as the endpoint knows it.'),
  baseUrl: z
    .string()
    .min(1)
    .default('https://api.openai.com/v1')
    .describe('Address of the API up to, and without, /chat/completions.'),
  apiKeyEnv: z
    .string()
    // A configuration may come over HTTP, and names where the value is sent: only variables made for this may be named.
    .regex(/^[A-Z][A-Z0-9_]*_API_KEY$/, 'expected the name of an environment variable that ends in _API_KEY')
    .default('OPENAI_API_KEY')
    .describe(
      'Environment variable, ending in _API_KEY, that holds the key; the key itself is never written anywhere.',
    ),
  timeoutMs: z.number().int().min(1).default(120_000).describe('Longest wait for one answer, in milliseconds.'),
  maxRetries: z
    .number()
    .int()
    .min(0)
    .default(6)
    .describe('Tries after the first for rate limits, server errors and lost connections; waits double, with jitter.'),
  concurrency: z.number().int().min(1).default(8).describe('Most requests under way at once.'),
  inputPricePerMillion: z
    .number()
    .min(0)
    .optional()
    .describe('US dollars per million prompt tokens; without both prices costs are not reported.'),
  outputPricePerMillion: z.number().min(0).optional().describe('US dollars per million completion tokens.'),
});
export type EndpointConfig = z.infer<typeof endpointConfigSchema>;
