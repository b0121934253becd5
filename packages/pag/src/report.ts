import type { SynthesizedTask } from '@parl-mt/environments';
import type { PagConfig, PagRecord } from '@parl-mt/schema';
import type { Rejection, VerifiedDecision } from './verify/verify-task.js';

export interface StageReport {
  readonly name: string;
  /** Rows that the stage produced. */
  readonly rows: number;
  readonly seconds: number;
  /** Whether the rows were read from an earlier run with the same inputs. */
  readonly cached: boolean;
}

/** Sizes of a set of texts. */
export interface TextSizes {
  readonly meanWords: number;
  readonly maxWords: number;
  readonly meanCharacters: number;
  readonly maxCharacters: number;
}

export interface TurnReport {
  readonly turn: number;
  readonly decisions: number;
  readonly accepted: number;
  /** Refused records by stage; stages without any are left out. */
  readonly refused: Readonly<Record<string, number>>;
}

/** Verdicts of the two model-aware judges on the records that both scored. */
export interface JudgeAgreement {
  readonly records: number;
  readonly bothAccept: number;
  /** Accepted by the log-prob gain, refused by sampling. */
  readonly onlyGain: number;
  /** The other way round. */
  readonly onlySampling: number;
  readonly bothRefuse: number;
  /** Cohen's kappa: 1 for judges that always agree, 0 for what chance would give; null where one of them has a single verdict. */
  readonly kappa: number | null;
}

/** What a run of the pipeline did, for `report.json` and the dataset card. */
export interface PagReport {
  readonly config: PagConfig;
  readonly generator: string;
  readonly promptHash: string;
  /** Fingerprint of the judge; null where none scored. */
  readonly judge: string | null;
  /** Fingerprint of the policy that wrote samples; null where none did. */
  readonly writer: string | null;
  readonly codeFingerprint: string;
  readonly stages: readonly StageReport[];
  readonly seconds: number;
  readonly tasks: number;
  readonly turns: number;
  readonly calls: number;
  /** Arguments that could be referred to, and those that were. */
  readonly references: { readonly eligible: number; readonly referred: number };
  readonly decisions: number;
  readonly accepted: number;
  readonly duplicates: number;
  readonly rejections: readonly { readonly stage: string; readonly kind: string; readonly count: number }[];
  readonly byTurn: readonly TurnReport[];
  readonly split: Readonly<Record<'train' | 'validation', { readonly tasks: number; readonly records: number }>>;
  readonly summary: TextSizes;
  readonly plan: TextSizes;
  /** Mean log-prob gain of scored records, nats per token; null where no judge scored. */
  readonly meanLogprobGain: number | null;
  /** Mean share of samples with the effect of the target; null where none were written. */
  readonly meanReconstructionRate: number | null;
  /** Null unless both model-aware gates ran. */
  readonly agreement: JudgeAgreement | null;
  /** SHA-256 of every dataset file. */
  readonly files: Readonly<Record<string, string>>;
}

/** Counts of refused records by stage and kind, most frequent first. */
export function countRejections(rejections: readonly Rejection[]): PagReport['rejections'] {
  const counts = new Map<string, { stage: string; kind: string; count: number }>();
  for (const { stage, kind } of rejections) {
    const key = `${stage}\n${kind}`;
    const entry = counts.get(key) ?? { stage, kind, count: 0 };
    entry.count += 1;
    counts.set(key, entry);
  }
  return [...counts.values()].sort((a, b) => b.count - a.count || (a.kind < b.kind ? -1 : 1));
}

/** How far the two model-aware gates agree, by the thresholds of the configuration. */
export function judgeAgreement(
  decisions: readonly VerifiedDecision[],
  { minLogprobGain, sampling: { minMatchRate } }: PagConfig,
): JudgeAgreement | null {
  const verdicts = decisions.flatMap(({ record: { verification } }) => {
    const { logprobGain, reconstructionRate } = verification;
    if (logprobGain === null || reconstructionRate === null) return [];
    return [{ gain: logprobGain >= minLogprobGain, sampling: reconstructionRate >= minMatchRate }];
  });
  if (verdicts.length === 0) return null;
  const count = (gain: boolean, sampling: boolean): number =>
    verdicts.filter((verdict) => verdict.gain === gain && verdict.sampling === sampling).length;
  const [bothAccept, onlyGain, onlySampling, bothRefuse] = [
    count(true, true),
    count(true, false),
    count(false, true),
    count(false, false),
  ];
  const records = verdicts.length;
  const observed = (bothAccept + bothRefuse) / records;
  const [gain, sampling] = [(bothAccept + onlyGain) / records, (bothAccept + onlySampling) / records];
  const expected = gain * sampling + (1 - gain) * (1 - sampling);
  const isConstant = gain === 0 || gain === 1 || sampling === 0 || sampling === 1;
  const kappa = isConstant ? null : (observed - expected) / (1 - expected);
  return { records, bothAccept, onlyGain, onlySampling, bothRefuse, kappa };
}

/** Acceptance by turn. */
export function countByTurn(decisions: readonly VerifiedDecision[]): TurnReport[] {
  const turns: { turn: number; decisions: number; accepted: number; refused: Record<string, number> }[] = [];
  for (const { record, rejection } of decisions) {
    while (turns.length <= record.turn) {
      turns.push({ turn: turns.length, decisions: 0, accepted: 0, refused: {} });
    }
    const entry = turns[record.turn];
    if (entry !== undefined) {
      entry.decisions += 1;
      if (rejection === undefined) {
        entry.accepted += 1;
      } else {
        entry.refused[rejection.stage] = (entry.refused[rejection.stage] ?? 0) + 1;
      }
    }
  }
  return turns;
}

/** Words stand between white space and the signs of the built-in format, `;`, `:` and `=`. */
export function measureTexts(texts: readonly string[]): TextSizes {
  const words = texts.map((text) => text.split(/[\s;:=]+/).filter((word) => word !== '').length);
  const characters = texts.map((text) => text.length);
  return {
    meanWords: mean(words),
    maxWords: Math.max(0, ...words),
    meanCharacters: mean(characters),
    maxCharacters: Math.max(0, ...characters),
  };
}

export function countSplit(
  records: readonly PagRecord[],
  split: 'train' | 'validation',
): { tasks: number; records: number } {
  const own = records.filter((record) => record.split === split);
  return { tasks: new Set(own.map(({ taskId }) => taskId)).size, records: own.length };
}

export function countTasks(
  sources: readonly SynthesizedTask[],
): Pick<PagReport, 'tasks' | 'turns' | 'calls' | 'references'> {
  const turns = sources.flatMap(({ trace }) => trace);
  return {
    tasks: sources.length,
    turns: turns.length,
    calls: turns.reduce((sum, { calls }) => sum + calls.length, 0),
    references: {
      eligible: sources.reduce((sum, { references }) => sum + references.eligible, 0),
      referred: sources.reduce((sum, { references }) => sum + references.referred, 0),
    },
  };
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
