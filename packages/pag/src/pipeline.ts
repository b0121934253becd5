import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { generateTasks, type SynthesizedTask } from '@parl-mt/environments';
import {
  type Awareness,
  CancelledError,
  type PagConfig,
  type PagRecord,
  type SynthesisConfig,
  UsageError,
  type Verification,
} from '@parl-mt/schema';
import { type Annotator, deterministicAnnotator } from './annotate.js';
import { jsonLines, writeFileAtomic } from './atomic-file.js';
import { renderDatasetCard } from './dataset-card.js';
import { markDuplicates } from './duplicates.js';
import { targetSteps } from './episode-messages.js';
import { sftRow } from './records.js';
import {
  countByTurn,
  countRejections,
  countSplit,
  countTasks,
  judgeAgreement,
  measureTexts,
  type PagReport,
} from './report.js';
import { validationTasks } from './split.js';
import { codeFingerprint, runStage, type StageOutcome } from './stage-cache.js';
import { withTransitFailures } from './transit-failures.js';
import { type Judge, logprobGains } from './verify/logprob-gain.js';
import { type CallWriter, reconstructionRates } from './verify/sampling.js';
import { type Candidates, type VerifiedDecision, verifyTask } from './verify/verify-task.js';

export type PagStage = 'synthesise' | 'annotate' | 'verify' | 'judge' | 'sample' | 'export';

export interface PagProgress {
  readonly stage: PagStage;
  /** Units finished: tasks, except records in the stages judge, sample and export. */
  readonly done: number;
  readonly total: number;
}

export interface PagOptions {
  /** Receives `stages/` (caches) and `dataset/`. */
  readonly outDir: string;
  /** Policy that scores log-prob gains. Default: none, the gate is left out and gains are null. */
  readonly judge?: Judge | undefined;
  /** Policy whose samples are executed; needed with `sampling.samples` > 0. */
  readonly writer?: CallWriter | undefined;
  /** Default: the deterministic annotator. */
  readonly annotator?: Annotator | undefined;
  /** Candidates asked of the annotator per decision. Default 1. */
  readonly candidates?: number | undefined;
  /** Source of tasks. Default: the built-in generator. */
  readonly synthesize?: ((config: SynthesisConfig) => Iterable<SynthesizedTask>) | undefined;
  readonly onProgress?: ((progress: PagProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Builds a PAG dataset: synthesise tasks, annotate every decision, verify, judge, sample, export.
 *
 * Each stage's rows are kept in `outDir/stages` under the hash of configuration, code and the stage before: a second run
 * resumes after the last finished stage. `outDir/dataset` receives train.jsonl, validation.jsonl (records), sft.jsonl,
 * sft-validation.jsonl (chats), README.md and report.json, each written atomically. Equal configuration, code and judge give equal data files.
 *
 * @throws {CancelledError} (or the signal's own reason) when cancelled; finished stages stay.
 * @throws {RolloutError} boundary model, if the judge answers with something else than scores, or the writer with another number of
 *   completions.
 * @throws {UsageError} when samples are asked for and there is no writer.
 */
export async function buildPagDataset(config: PagConfig, options: PagOptions): Promise<PagReport> {
  const start = performance.now();
  const {
    outDir,
    judge,
    writer,
    annotator = deterministicAnnotator,
    candidates = 1,
    synthesize = generateTasks,
  } = options;
  if (config.sampling.samples > 0 && writer === undefined) {
    throw new UsageError(
      `expected a policy to write the ${config.sampling.samples} samples of pag.sampling, received none`,
    );
  }
  const code = await codeFingerprint();
  const stagesDir = join(outDir, 'stages');
  const step: StepReporter = (stage, total) => async (done) => {
    options.onProgress?.({ stage, done, total });
    await setImmediate(); // lets a cancel request in: the stages themselves are synchronous
    throwIfCancelled(options.signal);
  };

  const synthesised = await runStage(stagesDir, 'synthesise', { code, config: config.synthesis }, async () => {
    const report = step('synthesise', config.synthesis.tasks);
    const tasks: SynthesizedTask[] = [];
    for (const task of synthesize(config.synthesis)) {
      tasks.push(task);
      await report(tasks.length);
    }
    return tasks;
  });
  const sources = synthesised.rows.map((source) => withTransitFailures(source, config.faultRate));

  const annotated = await runStage(
    stagesDir,
    'annotate',
    {
      code,
      from: synthesised.key,
      faultRate: config.faultRate,
      annotator: annotator.name,
      promptHash: annotator.promptHash,
      candidates,
    },
    () => annotateTasks(sources, annotator, candidates, step('annotate', sources.length)),
  );

  const verified = await runStage(stagesDir, 'verify', { code, from: annotated.key, config }, async () => {
    const report = step('verify', sources.length);
    const { seed } = config.synthesis;
    const held = validationTasks(
      sources.map(({ task }) => task.id),
      config.validationFraction,
      seed,
    );
    const provenance = { generator: annotator.name, promptHash: annotator.promptHash, seed };
    const decisions: VerifiedDecision[] = [];
    for (const [index, source] of sources.entries()) {
      await report(index);
      const split = held.has(source.task.id) ? 'validation' : 'train';
      decisions.push(...verifyTask(source, annotated.rows[index] ?? [], config, { provenance, split }));
    }
    return decisions;
  });

  const judged =
    judge === undefined
      ? undefined
      : await runStage(stagesDir, 'judge', { code, from: verified.key, judge: judge.fingerprint }, () =>
          judgeDecisions(verified.rows, judge, config.minLogprobGain, step),
        );
  const scored = judged ?? verified;
  const sampled =
    writer === undefined || config.sampling.samples === 0
      ? undefined
      : await runStage(stagesDir, 'sample', { code, from: scored.key, writer: writer.fingerprint }, () =>
          sampleDecisions(scored.rows, sources, writer, config, step),
        );
  const decisions = (sampled ?? scored).rows;

  const exportStart = performance.now();
  const accepted = decisions.filter(({ rejection }) => rejection === undefined).map(({ record }) => record);
  const { records, duplicates } = removeDuplicates(accepted);
  await step('export', records.length)(0);
  const files = await writeRecordFiles(join(outDir, 'dataset'), records);

  const stageReport = (name: PagStage, { rows, seconds, isCached }: StageOutcome<unknown>) => ({
    name,
    rows: rows.length,
    seconds,
    cached: isCached,
  });
  const report: PagReport = {
    config,
    generator: annotator.name,
    promptHash: annotator.promptHash,
    judge: judge?.fingerprint ?? null,
    writer: sampled === undefined ? null : (writer?.fingerprint ?? null),
    codeFingerprint: code,
    stages: [
      stageReport('synthesise', synthesised),
      stageReport('annotate', annotated),
      stageReport('verify', verified),
      ...(judged === undefined ? [] : [stageReport('judge', judged)]),
      ...(sampled === undefined ? [] : [stageReport('sample', sampled)]),
      { name: 'export', rows: records.length, seconds: (performance.now() - exportStart) / 1000, cached: false },
    ],
    seconds: (performance.now() - start) / 1000,
    ...countTasks(sources),
    decisions: decisions.length,
    accepted: accepted.length,
    duplicates,
    rejections: countRejections(decisions.flatMap(({ rejection }) => (rejection === undefined ? [] : [rejection]))),
    byTurn: countByTurn(decisions),
    split: { train: countSplit(records, 'train'), validation: countSplit(records, 'validation') },
    summary: measureTexts(records.map(({ awareness }) => awareness.summary)),
    plan: measureTexts(records.map(({ awareness }) => awareness.plan)),
    meanLogprobGain: meanOf(decisions, ({ logprobGain }) => logprobGain),
    meanReconstructionRate: meanOf(decisions, ({ reconstructionRate }) => reconstructionRate),
    agreement: judgeAgreement(decisions, config),
    files,
  };
  await writeFileAtomic(join(outDir, 'dataset', 'README.md'), [renderDatasetCard(report)]);
  await writeFileAtomic(join(outDir, 'dataset', 'report.json'), [`${JSON.stringify(report, undefined, 2)}\n`]);
  await step('export', records.length)(records.length);
  return report;
}

type StepReporter = (stage: PagStage, total: number) => (done: number) => Promise<void>;

/** Candidates of every decision, one entry per task. */
async function annotateTasks(
  sources: readonly SynthesizedTask[],
  annotator: Annotator,
  count: number,
  report: (done: number) => Promise<void>,
): Promise<Candidates[][]> {
  const annotations: Candidates[][] = [];
  for (const source of sources) {
    await report(annotations.length);
    const decisions: Candidates[] = [];
    let previous: Awareness | undefined;
    for (const { turn, step } of targetSteps(source)) {
      const candidates = await annotator.annotate({ source, turn, step, previous }, count);
      previous = candidates[0];
      decisions.push(candidates);
    }
    annotations.push(decisions);
  }
  return annotations;
}

/** Adds gains to the records that are still accepted, and refuses those below the threshold. */
async function judgeDecisions(
  decisions: readonly VerifiedDecision[],
  judge: Judge,
  minGain: number,
  step: StepReporter,
): Promise<VerifiedDecision[]> {
  const accepted = decisions.filter(({ rejection }) => rejection === undefined);
  const gains = await logprobGains(
    accepted.map(({ record }) => record),
    judge,
    step('judge', accepted.length),
  );
  const gainOf = new Map(accepted.map(({ record }, index) => [record, gains[index] ?? null]));
  return decisions.map((decision) => {
    const gain = gainOf.get(decision.record) ?? null;
    if (gain === null) {
      return decision;
    }
    const { record } = decision;
    const scored = { record: { ...record, verification: { ...record.verification, logprobGain: gain } } };
    return gain >= minGain
      ? scored
      : {
          ...scored,
          rejection: {
            stage: 'logprob_gain',
            kind: 'gain below the threshold',
            reason: `expected a log-prob gain of at least ${minGain} nats per token, received ${gain.toFixed(4)}`,
          },
        };
  });
}

/**
 * Adds match rates to the records that passed the gates of the text, whatever the log-prob gain said, so that the two judges can be
 * compared; refuses those below the threshold that are not refused already.
 */
async function sampleDecisions(
  decisions: readonly VerifiedDecision[],
  sources: readonly SynthesizedTask[],
  writer: CallWriter,
  config: PagConfig,
  step: StepReporter,
): Promise<VerifiedDecision[]> {
  const { minMatchRate } = config.sampling;
  const sampled = decisions.filter(({ rejection }) => rejection === undefined || rejection.stage === 'logprob_gain');
  const rates = await reconstructionRates(
    sampled.map(({ record }) => record),
    new Map(sources.map((source) => [source.task.id, source])),
    writer,
    config.sampling,
    step('sample', sampled.length),
  );
  const rateOf = new Map(sampled.map(({ record }, index) => [record, rates[index] ?? null]));
  return decisions.map((decision) => {
    const rate = rateOf.get(decision.record) ?? null;
    if (rate === null) return decision;
    const { record } = decision;
    const scored = {
      ...decision,
      record: { ...record, verification: { ...record.verification, reconstructionRate: rate } },
    };
    if (decision.rejection !== undefined || rate >= minMatchRate) return scored;
    return {
      ...scored,
      rejection: {
        stage: 'sampling',
        kind: 'match rate below the threshold',
        reason: `expected a match rate of at least ${minMatchRate}, received ${rate.toFixed(4)}`,
      },
    };
  });
}

/** Validation first: a record of both splits is removed from training, not from the measure. */
function removeDuplicates(records: readonly PagRecord[]): { records: PagRecord[]; duplicates: number } {
  const ordered = [
    ...records.filter(({ split }) => split === 'validation'),
    ...records.filter(({ split }) => split === 'train'),
  ];
  const isDuplicate = markDuplicates(ordered);
  const kept = ordered.filter((_, index) => isDuplicate[index] === false);
  return { records: kept, duplicates: ordered.length - kept.length };
}

async function writeRecordFiles(folder: string, records: readonly PagRecord[]): Promise<Record<string, string>> {
  const split = (name: PagRecord['split']): PagRecord[] => records.filter((record) => record.split === name);
  const write = (file: string, rows: Iterable<unknown>): Promise<string> =>
    writeFileAtomic(join(folder, file), jsonLines(rows));
  return {
    'train.jsonl': await write('train.jsonl', split('train')),
    'validation.jsonl': await write('validation.jsonl', split('validation')),
    'sft.jsonl': await write('sft.jsonl', split('train').map(sftRow)),
    'sft-validation.jsonl': await write('sft-validation.jsonl', split('validation').map(sftRow)),
  };
}

function meanOf(
  decisions: readonly VerifiedDecision[],
  score: (verification: Verification) => number | null,
): number | null {
  const scores = decisions.flatMap(({ record }) => score(record.verification) ?? []);
  return scores.length === 0 ? null : scores.reduce((sum, value) => sum + value, 0) / scores.length;
}

function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) {
    throw signal.reason instanceof Error ? signal.reason : new CancelledError();
  }
}
