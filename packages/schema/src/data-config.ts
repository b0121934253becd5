import { z } from 'zod';
import { closeSchema } from './closed-schema.js';

const common = {
  from: z
    .string()
    .min(1)
    .default('hub')
    .describe(
      'hub: the public home of the data; or the path of a checkout, an unpacked package, a .zip or a .whl file.',
    ),
  refresh: z
    .boolean()
    .default(false)
    .describe('Fetch again, and accept files that differ from those that the lock file recorded.'),
  timeoutMs: z.number().int().min(1).default(60_000).describe('Longest wait for the hub to answer, in milliseconds.'),
};

/** `data bfcl`. */
export const bfclDataConfigSchema = closeSchema(
  z.object({
    ...common,
    version: z
      .string()
      .regex(/^[\w.+]+$/, 'expected a version number')
      .default('2026.3.23')
      .meta({
        description:
          'Version of the bfcl-eval package. The checksum of the default one is pinned, others are checked against the index.',
        'x-flag': 'package-version',
      }),
    index: z.string().min(1).default('https://pypi.org/simple').describe('Python package index that answers in JSON.'),
  }),
).describe('Fetch the BFCL multi-turn data into the user data directory.');
export type BfclDataConfig = z.infer<typeof bfclDataConfigSchema>;

/** `data tau-bench`. */
export const tauBenchDataConfigSchema = closeSchema(
  z.object({
    ...common,
    commit: z
      .string()
      .regex(/^[0-9a-f]{40}$/, 'expected 40 hex digits')
      .default('59a200c6d575d595120f1cb70fea53cef0632f6b')
      .describe('Commit of the tau-bench repository. Most files of the default one have pinned checksums.'),
    archives: z
      .string()
      .min(1)
      .default('https://codeload.github.com')
      .describe('Server of source archives: OWNER/REPOSITORY/zip/COMMIT below it.'),
  }),
).describe('Fetch the tau-bench data into the user data directory.');
export type TauBenchDataConfig = z.infer<typeof tauBenchDataConfigSchema>;
