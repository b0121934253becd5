import { paddedTokenRows, type TokenRows } from '@parl-mt/native';
import { type Fixtures, matrixOf } from './fixture.js';

/** One line of policy-batches.jsonl, flat: what the loss files are computed from. */
export interface RecordedBatch {
  readonly rows: TokenRows;
  /** Rows over the completion, observations included, as TRL's RLOO trains on them. */
  readonly completion: TokenRows;
  readonly logprobs: Float32Array;
  readonly oldLogprobs: Float32Array;
  readonly advantages: Float32Array;
  readonly rolloutWeights: Float32Array;
  readonly referenceLogprobs: Float32Array;
  readonly samplingLogprobs: Float32Array;
  readonly entropies: Float32Array;
  /** Whether the advantages of each row are one number. */
  readonly isRowConstant: boolean;
  readonly columns: number;
}

/** The batch of a name. */
export function recordedBatch(fixtures: Fixtures, name: unknown): RecordedBatch {
  const line = fixtures.lines('policy-batches.jsonl').find(({ batch }) => batch === name);
  if (line === undefined) throw new Error(`expected a batch named ${String(name)} in policy-batches.jsonl`);
  const flat = (key: string): Float32Array => Float32Array.from(matrixOf(line[key]).flat());
  const advantages = matrixOf(line['advantages']);
  return {
    rows: paddedTokenRows(matrixOf(line['response_mask'])),
    completion: paddedTokenRows(matrixOf(line['completion_mask'])),
    logprobs: flat('log_prob'),
    oldLogprobs: flat('old_log_prob'),
    advantages: flat('advantages'),
    rolloutWeights: flat('rollout_is_weights'),
    referenceLogprobs: flat('ref_log_prob'),
    samplingLogprobs: flat('sampling_log_prob'),
    entropies: flat('entropy'),
    isRowConstant: advantages.every((row) => row.every((advantage) => advantage === row[0])),
    columns: advantages[0]?.length ?? 0,
  };
}
