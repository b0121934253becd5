import path from 'node:path';
import { Decoder } from '@parl-mt/policy';
import { loadPolicy, Policy, type PolicyDescription } from '@parl-mt/rl';
import { type JobContext, type JobResult, type SftRunConfig, UsageError } from '@parl-mt/schema';
import { selectBackend } from '@parl-mt/tfjs-backend';
import { loading } from './loading.js';
import { prepareSft } from './plans.js';
import { requireMemory } from './require-memory.js';
import { runCopyingStage, runSftStage } from './training-stage.js';
import { prepareTuning } from './tuning.js';

/** Trains a policy on a PAG dataset: from random weights with a tokenizer of its own, or a model that is there. */
export async function runSft(config: SftRunConfig, context: JobContext): Promise<JobResult> {
  await selectBackend(config.backend);
  const { reporter, signal } = context;
  const { records, encoded, description, plan } = await prepareSft(config, {
    onRecords: (count) => reporter.stage('records', count),
    onProgress: (count) => reporter.progress(count, {}),
    signal,
  });
  requireMemory(plan.memory, config.memoryShortage, reporter);
  using policy =
    config.base === undefined ? freshPolicy(config, description) : await basePolicy(config, config.base, context);
  if (config.base === undefined) await runCopyingStage(policy.decoder, config.sft, context);
  reporter.stage('sft', config.sft.tokenBudget);
  const trainedTokens = await runSftStage({ name: 'sft', policy, records, encoded, config: config.sft, context });
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

function freshPolicy({ model, sft }: SftRunConfig, { origin, tokenizer }: PolicyDescription): Policy {
  if (origin.kind !== 'own') throw new TypeError('expected fresh weights to have a tokenizer of their own');
  return Policy.own(Decoder.create({ ...model, vocabSize: tokenizer.vocabSize }, sft.seed), origin.tokenizerJson);
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
