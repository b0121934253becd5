import path from 'node:path';
import { evaluateRecords, type RecordShare } from '@parl-mt/evaluation';
import { readPagRecords } from '@parl-mt/pag';
import { writeAtomically } from '@parl-mt/policy';
import { DecoderModel, loadPolicy } from '@parl-mt/rl';
import { type EvaluateRunConfig, type JobContext, type JobResult, UsageError } from '@parl-mt/schema';
import { selectBackend } from '@parl-mt/tfjs-backend';
import { datasetFile } from './dataset-file.js';
import { loading } from './loading.js';

/** How often a policy writes the step of a dataset's record, from the record's own past. */
export async function runEvaluateRecords(config: EvaluateRunConfig, context: JobContext): Promise<JobResult> {
  const { evaluation, policy: evaluated, dataset } = config;
  const { outDir, reporter, signal } = context;
  if (evaluated.kind !== 'checkpoint' || dataset === undefined) {
    throw new UsageError('expected a checkpoint policy and a dataset with benchmark records');
  }
  await selectBackend(config.backend);
  const all = await readPagRecords(datasetFile(dataset, 'validation'));
  const records = all.slice(0, evaluation.taskLimit);
  if (records.length === 0) throw new UsageError(`expected records at ${dataset}, received none`);
  reporter.stage('model');
  using policy = await loadPolicy(evaluated.path, config.pretrained, loading(context));
  using model = new DecoderModel(policy.decoder, policy.codec(evaluation.context.mode), evaluation.context);
  reporter.stage('evaluate records', records.length);
  const startedAt = performance.now();
  const { completions, ...shares } = await evaluateRecords(model, records, {
    ...evaluation,
    signal,
    onProgress: (finished) => reporter.progress(finished),
  });
  const summary = { benchmark: 'records', ...shares, seconds: (performance.now() - startedAt) / 1000 };
  await writeAtomically(
    path.join(outDir, 'completions.jsonl'),
    completions.map((completion) => `${JSON.stringify(completion)}\n`),
  );
  await writeAtomically(path.join(outDir, 'summary.json'), [`${JSON.stringify(summary, null, 2)}\n`]);
  reporter.table(
    [
      line('calls as in the target', shares.calls),
      line('turns ended as in the target', shares.messages),
      line('well-formed completions', shares.format),
    ].join('\n'),
  );
  if (shares.overflowed > 0) reporter.log(`${shares.overflowed} of ${records.length} records do not fit the context`);
  return { summary, files: ['summary.json', 'completions.jsonl'] };
}

function line(name: string, { right, records, rate, low, high }: RecordShare): string {
  const percent = (value: number) => (100 * value).toFixed(1);
  return `${name.padEnd(30)} ${percent(rate).padStart(5)} % [${percent(low)}, ${percent(high)}]   ${right} of ${records}`;
}
