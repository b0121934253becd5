import { z } from 'zod';
import { runKindSchema } from './run-config.js';

const time = z.iso.datetime().describe('When, ISO 8601 in UTC.');
const numbers = z.record(z.string(), z.union([z.number(), z.string(), z.boolean(), z.null()]));

/** What a run says while it works: one JSON object per line of `--json`, one server-sent event each. */
export const runEventSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('started'),
    time,
    kind: runKindSchema,
    outDir: z.string(),
    config: z.record(z.string(), z.unknown()).describe('The configuration with every default filled in.'),
  }),
  z.object({
    type: z.literal('stage'),
    time,
    name: z.string(),
    total: z.number().nullable().describe('Amount of work in units of the stage; null where not known.'),
  }),
  z.object({
    type: z.literal('progress'),
    time,
    stage: z.string(),
    done: z.number().describe('In units of the stage, as its total.'),
    total: z.number().nullable(),
    metrics: numbers,
  }),
  z.object({ type: z.literal('metric'), time, record: z.record(z.string(), z.unknown()) }),
  z.object({ type: z.literal('log'), time, line: z.string() }),
  z.object({ type: z.literal('table'), time, text: z.string() }),
  z.object({
    type: z.literal('finished'),
    time,
    summary: z.record(z.string(), z.unknown()),
    files: z.array(z.string()).describe('Files worth opening first, relative to outDir.'),
  }),
  z.object({ type: z.literal('failed'), time, code: z.string(), message: z.string() }),
  z.object({ type: z.literal('cancelled'), time, message: z.string() }),
]);
export type RunEvent = z.infer<typeof runEventSchema>;

/** Numbers and short texts shown beside a progress bar. */
export type ProgressMetrics = Readonly<z.infer<typeof numbers>>;

/** How a job tells what it is doing. Calls are cheap and never throw; shells throttle what they show. */
export interface Reporter {
  /** Begins a stage and ends the one before. `total` is the amount of work in units of the stage, if known. */
  stage(name: string, total?: number): void;
  /** `done` units of the current stage are finished (an absolute number, not an increment). */
  progress(done: number, metrics?: ProgressMetrics): void;
  /** One record of a series, such as the figures of one update. Every record is kept. */
  metric(record: Readonly<Record<string, unknown>>): void;
  /** One line for people. */
  log(line: string): void;
  /** Finished text of several lines, such as a comparison table. */
  table(text: string): void;
}

/** What a job gets from its shell. */
export interface JobContext {
  /** Existing folder for every file of the run, absolute. A second run into it resumes. */
  readonly outDir: string;
  /** Aborts on Ctrl-C or a cancel request: save, then reject with `signal.reason` (a CancelledError). */
  readonly signal: AbortSignal;
  readonly reporter: Reporter;
}

/** What a job leaves behind when it is complete. */
export interface JobResult {
  /** The figures that matter, JSON-shaped. */
  readonly summary: Readonly<Record<string, unknown>>;
  /** Files worth opening first, relative to outDir. */
  readonly files: readonly string[];
}
