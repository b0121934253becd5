import type { FixtureCase, Fixtures } from './fixture.js';
import type { RecordedBatch } from './policy-batch.js';
import type { FixtureFile } from './report.js';
import { readTensors } from './safetensors.js';
import { float32, type Verdict } from './verdict.js';
import { judgeVerlLoss } from './verl-policy-losses.js';

/** The losses on one large batch, whose arrays are tensors. */
export const verlPolicyLarge: FixtureFile = { file: 'verl-policy-large.jsonl', judge };

function judge(each: FixtureCase, fixtures: Fixtures): Verdict {
  const tensors = readTensors(fixtures.bytes(String(each.inputs['tensors'])));
  const tensor = (name: string): { values: Float32Array; shape: readonly number[] } => {
    const found = tensors.get(name);
    if (found === undefined) throw new Error(`expected a tensor named ${name}`);
    return found;
  };
  const values = (name: string): Float32Array => tensor(name).values;
  const [rowCount, columns] = tensor('log_prob').shape as [number, number];
  const rows = {
    mask: Uint8Array.from(values('response_mask')),
    offsets: Int32Array.from({ length: rowCount + 1 }, (_, row) => row * columns),
  };
  const gradient = values(String(each.outputs['gradient']));
  const batch: RecordedBatch = {
    rows,
    completion: rows,
    logprobs: values('log_prob'),
    oldLogprobs: values('old_log_prob'),
    advantages: values('advantages'),
    rolloutWeights: values('rollout_is_weights'),
    referenceLogprobs: values('log_prob'),
    samplingLogprobs: values('log_prob'),
    entropies: values('log_prob'),
    isRowConstant: false,
    columns,
  };
  const matrix = Array.from({ length: rowCount }, (_, row) => [
    ...gradient.subarray(row * columns, (row + 1) * columns),
  ]);
  return judgeVerlLoss({ ...each, outputs: { ...each.outputs, gradient: matrix } }, batch, float32);
}
