import { createHash } from 'node:crypto';
import { type ContextMessage, type ParsedCompletion, parseCallText, type Segment } from '@parl-mt/chat';
import { createEnvironment, type Environment, type SynthesizedTask } from '@parl-mt/environments';
import {
  ConfigError,
  type PagRecord,
  RolloutError,
  type SamplingGateConfig,
  type ToolCall,
  UsageError,
} from '@parl-mt/schema';
import { judgeItems } from './logprob-gain.js';

/** One completion to sample. */
export interface WriteRequest {
  readonly messages: readonly ContextMessage[];
  /** The beginning of the answer, to be gone on with. */
  readonly written: readonly Segment[];
  /** Integer in [0, 2^48): the same seed and prompt give the same completion. */
  readonly seed: number;
}

/** A policy that writes calls. */
export interface CallWriter {
  /** Identifies the weights: another writer makes cached verdicts stale. */
  readonly fingerprint: string;
  /** @returns what was written after the beginning, read without awareness; one per request, in order. */
  writeCalls(
    requests: readonly WriteRequest[],
    options: Pick<SamplingGateConfig, 'temperature' | 'maxNewTokens'>,
  ): Promise<readonly ParsedCompletion[]>;
}

/** Records sampled in one call of the writer. */
const BATCH_RECORDS = 32;

/**
 * Share of sampled completions that do what the record's calls do, for records whose target is a call. The prompt holds the
 * functions, the user message and the awareness, as for the log-prob gain: no history. What was written is executed in a copy of the
 * world as it stands before the step, and matches where every result and the state after it are those of the target. Calls written in
 * another way (order of arguments, quotes, a relative path) match; calls that read alike and do something else do not.
 *
 * @param sources - the task of every record, by its id.
 * @param onBatch - called with the number of records sampled so far.
 * @returns shape [records], in [0, 1]; null where the target is a message.
 * @throws {RolloutError} boundary model, if the writer returns another number of completions than asked.
 * @throws {ConfigError} if a target does not run in its own world. @throws {UsageError} for a world that cannot be copied.
 */
export async function reconstructionRates(
  records: readonly PagRecord[],
  sources: ReadonlyMap<string, SynthesizedTask>,
  writer: CallWriter,
  config: SamplingGateConfig,
  onBatch: (done: number) => Promise<void> = async () => {},
): Promise<(number | null)[]> {
  const rates: (number | null)[] = records.map(() => null);
  const sampled = records.flatMap((record, index) => (record.targetCalls.length > 0 ? [{ record, index }] : []));
  for (let start = 0; start < sampled.length; start += BATCH_RECORDS) {
    const batch = sampled.slice(start, start + BATCH_RECORDS);
    const requests = batch.flatMap(({ record }) => sampleRequests(record, config.samples));
    const completions = await writer.writeCalls(requests, config);
    if (completions.length !== requests.length) {
      throw new RolloutError('model', `expected ${requests.length} completions, received ${completions.length}`);
    }
    for (const [place, { record, index }] of batch.entries()) {
      const own = completions.slice(place * config.samples, (place + 1) * config.samples);
      const source = sources.get(record.taskId);
      if (source === undefined) throw new RangeError(`expected a task with the id ${record.taskId}, found none`);
      rates[index] = await matchRate(record, source, own);
    }
    await onBatch(start + batch.length);
  }
  return rates;
}

function sampleRequests(record: PagRecord, samples: number): WriteRequest[] {
  const [{ messages, written }] = judgeItems(record);
  return Array.from({ length: samples }, (_, sample) => ({
    messages,
    written,
    seed: seedOf(`${record.provenance.seed} ${record.taskId} ${record.turn} ${record.step} ${sample}`),
  }));
}

function seedOf(text: string): number {
  return createHash('sha256').update(text).digest().readUIntBE(0, 6);
}

async function matchRate(
  record: PagRecord,
  source: SynthesizedTask,
  completions: readonly ParsedCompletion[],
): Promise<number> {
  const environment = createEnvironment(source.task.environment);
  try {
    if (!environment.supportsSnapshots) {
      throw new UsageError(
        `expected an environment that can be copied for pag.sampling, ${source.task.environment} cannot: set samples to 0`,
      );
    }
    await environment.reset(source.task, 0);
    await replayBefore(environment, source, record);
    const before = environment.snapshot();
    const target = await effectOf(environment, record.targetCalls.map(parsedCall));
    let matches = 0;
    for (const { calls, formatError } of completions) {
      if (formatError !== undefined || calls.length === 0) continue;
      environment.restore(before);
      if ((await effectOf(environment, calls)) === target) matches += 1;
    }
    return completions.length === 0 ? 0 : matches / completions.length;
  } finally {
    await environment.close();
  }
}

/** Brings a fresh world to where it stands before a record's step. */
async function replayBefore(
  environment: Environment,
  { trace }: SynthesizedTask,
  { turn, step }: PagRecord,
): Promise<void> {
  const earlier = [...trace.slice(0, turn).flatMap(({ calls }) => calls), ...(trace[turn]?.calls.slice(0, step) ?? [])];
  for (const { call, failedInTransit } of earlier) {
    if (failedInTransit !== true) await environment.call(parsedCall(call));
  }
}

/** Results and final state of calls, as one text that two effects are compared by. */
async function effectOf(environment: Environment, calls: readonly ToolCall[]): Promise<string> {
  const results: unknown[] = [];
  for (const call of calls) {
    const { content, isError } = await environment.call(call);
    results.push([content, isError]);
  }
  return JSON.stringify([results, environment.digest()]);
}

function parsedCall(callText: string): ToolCall {
  const parsed = parseCallText(callText);
  if (!parsed.ok)
    throw new ConfigError(`expected a Python call with keyword arguments, received ${callText.slice(0, 120)}`);
  return parsed.call;
}
