import { statSync } from 'node:fs';
import path from 'node:path';
import { readPagRecords } from '@parl-mt/pag';
import { Decoder, Tokenizer } from '@parl-mt/policy';
import { savePolicy } from '@parl-mt/rl';
import { type JobContext, type JobResult, type SftRunConfig, UsageError } from '@parl-mt/schema';
import { selectBackend } from '@parl-mt/tfjs-backend';
import { trainDatasetTokenizer } from './dataset-tokenizer.js';
import { runCopyingStage, runSftStage } from './training-stage.js';

/** Trains a policy from random weights on a PAG dataset; its tokenizer is trained on the same records. */
export async function runSft(config: SftRunConfig, context: JobContext): Promise<JobResult> {
  await selectBackend(config.backend);
  const file = datasetFile(config.dataset);
  const records = await readPagRecords(file);
  if (records.length === 0) throw new UsageError(`expected at least one record in ${file}, received none`);
  const tokenizerJson = trainDatasetTokenizer(records, config.model.vocabSize);
  const tokenizer = new Tokenizer(tokenizerJson);
  const decoder = Decoder.create({ ...config.model, vocabSize: tokenizer.vocabSize }, config.sft.seed);
  await runCopyingStage(decoder, config.sft, context);
  context.reporter.stage('sft', config.sft.tokenBudget);
  const trainedTokens = await runSftStage({ name: 'sft', decoder, tokenizer, records, config: config.sft, context });
  await savePolicy(path.join(context.outDir, 'policy'), decoder, tokenizerJson);
  return {
    summary: { records: records.length, trainedTokens, parameters: decoder.parameterCount },
    files: ['policy', 'metrics.jsonl'],
  };
}

/** The records of a dataset folder, or the file itself. */
function datasetFile(dataset: string): string {
  return statSync(dataset).isDirectory() ? path.join(dataset, 'dataset', 'train.jsonl') : dataset;
}
