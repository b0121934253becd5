import path from 'node:path';
import { readPagRecords } from '@parl-mt/pag';
import { Decoder, Tokenizer } from '@parl-mt/policy';
import { loadPolicy, Policy } from '@parl-mt/rl';
import { type JobContext, type JobResult, type PagRecord, type SftRunConfig, UsageError } from '@parl-mt/schema';
import { selectBackend } from '@parl-mt/tfjs-backend';
import { datasetFile } from './dataset-file.js';
import { trainDatasetTokenizer } from './dataset-tokenizer.js';
import { loading } from './loading.js';
import { planSft } from './plans.js';
import { requireMemory } from './require-memory.js';
import { runCopyingStage, runSftStage } from './training-stage.js';
import { prepareTuning } from './tuning.js';

/** Trains a policy on a PAG dataset: from random weights with a tokenizer of its own, or a model that is there. */
export async function runSft(config: SftRunConfig, context: JobContext): Promise<JobResult> {
  await selectBackend(config.backend);
  const file = datasetFile(config.dataset, 'train');
  const records = await readPagRecords(file);
  if (records.length === 0) throw new UsageError(`expected at least one record in ${file}, received none`);
  requireMemory((await planSft(config)).memory, config.memoryShortage, context.reporter);
  using policy =
    config.base === undefined ? freshPolicy(config, records) : await basePolicy(config, config.base, context);
  if (config.base === undefined) await runCopyingStage(policy.decoder, config.sft, context);
  context.reporter.stage('sft', config.sft.tokenBudget);
  const trainedTokens = await runSftStage({ name: 'sft', policy, records, config: config.sft, context });
  await policy.save(path.join(context.outDir, 'policy'));
  const { decoder } = policy;
  return {
    summary: {
      records: records.length,
      trainedTokens,
      parameters: decoder.parameterCount,
      trainedParameters: decoder.adapter?.parameterCount ?? decoder.parameterCount,
    },
    files: ['policy', 'metrics.jsonl'],
  };
}

function freshPolicy({ model, sft }: SftRunConfig, records: readonly PagRecord[]): Policy {
  const tokenizerJson = trainDatasetTokenizer(records, model.vocabSize);
  const { vocabSize } = new Tokenizer(tokenizerJson);
  return Policy.own(Decoder.create({ ...model, vocabSize }, sft.seed), tokenizerJson);
}

async function basePolicy(config: SftRunConfig, base: string, context: JobContext): Promise<Policy> {
  if (config.sft.copyingTokenBudget > 0) {
    throw new UsageError('expected sft.copyingTokenBudget 0 with a base model: only fresh weights learn copying first');
  }
  context.reporter.stage('model');
  const policy = await loadPolicy(base, config.pretrained, loading(context));
  prepareTuning(policy, config, config.sft.seed);
  return policy;
}
