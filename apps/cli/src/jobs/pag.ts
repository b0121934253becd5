import { buildPagDataset, type PagReport, type PagStage } from '@parl-mt/pag';
import { DecoderJudge, DecoderWriter, loadPolicy } from '@parl-mt/rl';
import type { JobContext, JobResult, PagRunConfig } from '@parl-mt/schema';
import { selectBackend } from '@parl-mt/tfjs-backend';
import { loading } from './loading.js';

/** `pag build`: the pipeline of `@parl-mt/pag`, its stages shown as they go; judged by a policy where one is given. */
export async function runPag(config: PagRunConfig, context: JobContext): Promise<JobResult> {
  const { outDir, signal, reporter } = context;
  let judge: DecoderJudge | undefined;
  let writer: DecoderWriter | undefined;
  if (config.judge !== undefined) {
    await selectBackend(config.backend);
    const policy = await loadPolicy(config.judge, config.pretrained, loading(context));
    const codec = policy.codec('awareness');
    judge = new DecoderJudge(policy.decoder, codec);
    if (config.pag.sampling.samples > 0) writer = new DecoderWriter(policy.decoder, codec);
  }
  using _ = writer;
  let stage: PagStage | undefined;
  const report = await buildPagDataset(config.pag, {
    outDir,
    judge,
    writer,
    signal,
    onProgress(progress) {
      if (progress.stage !== stage) {
        stage = progress.stage;
        reporter.stage(stage, progress.total);
      }
      reporter.progress(progress.done);
    },
  });
  reporter.table(acceptanceTable(report));
  if (report.agreement !== null) {
    const { records, bothAccept, bothRefuse } = report.agreement;
    reporter.log(`log-prob gain and sampling agree on ${bothAccept + bothRefuse} of ${records} records`);
  }
  for (const { stage: gate, kind, count } of report.rejections) reporter.log(`refused by ${gate} (${kind}): ${count}`);
  return {
    summary: {
      tasks: report.tasks,
      decisions: report.decisions,
      accepted: report.accepted,
      duplicates: report.duplicates,
      trainRecords: report.split.train.records,
      validationRecords: report.split.validation.records,
      meanLogprobGain: report.meanLogprobGain,
      meanReconstructionRate: report.meanReconstructionRate,
      seconds: report.seconds,
    },
    files: ['dataset/README.md', 'dataset/train.jsonl', 'dataset/sft.jsonl'],
  };
}

/** Accepted decisions by turn, one line each. */
function acceptanceTable({ byTurn }: PagReport): string {
  const rows = byTurn.map(({ turn, decisions, accepted }) =>
    [turn, decisions, accepted].map((n) => String(n).padStart(9)).join(' '),
  );
  return ['     turn decisions  accepted', ...rows].join('\n');
}
