import type { ParsedCompletion } from '@parl-mt/chat';
import { trainingExamples } from '@parl-mt/pag';
import { callSimilarity, deriveSeed, type RolloutModel, samplingRules } from '@parl-mt/rl';
import { CancelledError, type ContextConfig, type PagRecord, type SamplingConfig, UsageError } from '@parl-mt/schema';
import { wilsonInterval } from './proportion-interval.js';

export interface RecordEvaluationOptions {
  readonly context: ContextConfig;
  readonly sampling: SamplingConfig;
  /** Of the sampling streams. */
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((finished: number, total: number) => void) | undefined;
}

/** A share of records, with its 95% interval (Wilson). */
export interface RecordShare {
  readonly records: number;
  readonly right: number;
  readonly rate: number;
  readonly low: number;
  readonly high: number;
}

export interface RecordEvaluation {
  /** Records whose target is calls: written with the same names and values, in the same order. */
  readonly calls: RecordShare;
  /** Records whose target ends the turn: a message and no call. */
  readonly messages: RecordShare;
  /** Completions that could be read. */
  readonly format: RecordShare;
  /** Records that did not fit the context. */
  readonly overflowed: number;
  /** One for each record that fitted, in their order. */
  readonly completions: readonly RecordCompletion[];
}

export interface RecordCompletion {
  readonly taskId: string;
  readonly turn: number;
  readonly step: number;
  /** What was written. */
  readonly text: string;
  readonly targetCalls: readonly string[];
  readonly isRight: boolean;
  readonly formatError?: string;
}

/**
 * Writes the step of every record from the record's own past, and compares it with the record's target: how often a policy does the right
 * thing where everything before was done right.
 *
 * @throws {UsageError} when no record fits the context. @throws {CancelledError} when the signal is aborted.
 */
export async function evaluateRecords(
  model: RolloutModel,
  records: readonly PagRecord[],
  { context, sampling, seed, signal, onProgress }: RecordEvaluationOptions,
): Promise<RecordEvaluation> {
  const { codec, slots } = model;
  const { mode, maxContextTokens, maxNewTokens } = context;
  const { examples, overflowed } = trainingExamples(records, mode, {
    maxPromptTokens: maxContextTokens - maxNewTokens,
    countTokens: (messages) => codec.countPromptTokens(messages),
  });
  if (examples.length === 0) {
    throw new UsageError(
      `expected records whose prompts have at most ${maxContextTokens - maxNewTokens} tokens, none of ${records.length} has`,
    );
  }
  const byStep = new Map(records.map((record) => [keyOf(record), record]));
  const completions: (RecordCompletion & { readonly isCall: boolean })[] = [];
  for (let start = 0; start < examples.length; start += slots) {
    if (signal?.aborted) throw new CancelledError('the evaluation of records was cancelled');
    const batch = examples.slice(start, start + slots);
    const written = await model.complete(
      batch.map(({ messages }, slot) => ({
        slot,
        prompt: Int32Array.from(codec.encodePrompt(messages)),
        maxNewTokens,
        seed: deriveSeed(seed, start + slot),
      })),
      { temperature: sampling.temperature, rules: samplingRules(sampling), signal },
    );
    for (const [i, example] of batch.entries()) {
      const { targetCalls } = byStep.get(keyOf(example))!;
      const { text, parsed } = codec.readCompletion(written[i]!.tokens, { awareness: mode !== 'history' });
      completions.push({
        taskId: example.taskId,
        turn: example.turn,
        step: example.step,
        text,
        targetCalls,
        isRight: isRight(parsed, callsOf(codec, example.completion, mode !== 'history')),
        isCall: targetCalls.length > 0,
        ...(parsed.formatError === undefined ? {} : { formatError: parsed.formatError }),
      });
    }
    onProgress?.(completions.length, examples.length);
  }
  const share = (those: readonly RecordCompletion[], right: (completion: RecordCompletion) => boolean): RecordShare => {
    const count = those.filter(right).length;
    const interval = those.length === 0 ? { low: 0, high: 1 } : wilsonInterval(count, those.length);
    return { records: those.length, right: count, rate: those.length === 0 ? 0 : count / those.length, ...interval };
  };
  return {
    calls: share(
      completions.filter(({ isCall }) => isCall),
      (each) => each.isRight,
    ),
    messages: share(
      completions.filter(({ isCall }) => !isCall),
      (each) => each.isRight,
    ),
    format: share(completions, ({ formatError }) => formatError === undefined),
    overflowed,
    completions: completions.map(({ isCall: _, ...completion }) => completion),
  };
}

type Calls = ParsedCompletion['calls'];

/** The calls of a target, as the policy's own codec reads them when they are written without a fault. */
function callsOf(
  codec: RolloutModel['codec'],
  completion: Parameters<RolloutModel['codec']['encodeCompletion']>[0],
  awareness: boolean,
): Calls {
  const { parsed } = codec.readCompletion(codec.encodeCompletion(completion), { awareness });
  if (parsed.formatError !== undefined)
    throw new UsageError(`expected a target that can be read: ${parsed.formatError}`);
  return parsed.calls;
}

function isRight({ calls, formatError }: ParsedCompletion, target: Calls): boolean {
  return (
    formatError === undefined &&
    calls.length === target.length &&
    calls.every((call, i) => callSimilarity(call, target[i]!) === 1)
  );
}

function keyOf({ taskId, turn, step }: Pick<PagRecord, 'taskId' | 'turn' | 'step'>): string {
  return JSON.stringify([taskId, turn, step]);
}
