import { z } from 'zod';
import { type RunKind, runConfigSchemas } from './run-config.js';

/** A run's configuration as a server takes it: without `outDir`, which the server chooses. */
function requestOf<K extends RunKind>(kind: K) {
  const schema: z.ZodObject = runConfigSchemas[kind];
  const { outDir: _outDir, ...shape } = schema.shape as Record<string, z.ZodType>;
  const config = z.strictObject(shape);
  const checks = schema.def.checks ?? [];
  const checked = checks.length > 0 ? config.check(...(checks as Parameters<typeof config.check>)) : config;
  return z.strictObject({
    kind: z.literal(kind),
    config: checked.describe(`${schema.description ?? kind} Unknown keys are refused.`),
  });
}

/** Body of `POST /v1/runs`: one branch per kind. */
export const runRequestSchema = z.discriminatedUnion('kind', [
  requestOf('demo'),
  requestOf('pag'),
  requestOf('sft'),
  requestOf('train'),
  requestOf('evaluate'),
]);
export type RunRequest = z.infer<typeof runRequestSchema>;
