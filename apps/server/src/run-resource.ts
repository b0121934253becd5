import { runKindSchema } from '@parl-mt/schema';
import { z } from 'zod';

/**
 * - queued: waits for the run before it;
 * - interrupted: the server ended while the run was going on; it can be resumed.
 */
export const runStatusSchema = z.enum(['queued', 'running', 'finished', 'failed', 'cancelled', 'interrupted']);
export type RunStatus = z.infer<typeof runStatusSchema>;

const json = z.record(z.string(), z.unknown());
const time = z.iso.datetime().nullable();

/** A run as the API shows it. */
export const runSchema = z.object({
  id: z.string(),
  kind: runKindSchema,
  status: runStatusSchema,
  config: json.describe('Every default filled in, input paths resolved.'),
  createdAt: z.iso.datetime(),
  startedAt: time,
  endedAt: time,
  isCancelRequested: z.boolean().describe('A cancel request arrived; the run is saving and stopping.'),
  summary: json.nullable().describe('Figures of a finished run.'),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
});
export type Run = z.infer<typeof runSchema>;

/** True once nothing more will happen to a run unless it is resumed. */
export function hasEnded(status: RunStatus): boolean {
  return status !== 'queued' && status !== 'running';
}

/** Body of every refusal. */
export const errorSchema = z.object({
  error: z.object({
    code: z.string().describe('Stable and machine-readable.'),
    message: z.string(),
    problems: z
      .array(z.object({ path: z.string().describe('Dotted path in the request.'), message: z.string() }))
      .describe('What is wrong with which field; empty where no field is to blame.'),
  }),
});
