import { buildPagDataset, type PagReport, type PagStage } from '@parl-mt/pag';
import { type JobContext, type JobResult, type PagRunConfig, UsageError } from '@parl-mt/schema';

/** `pag build`: the pipeline of `@parl-mt/pag`, its stages shown as they go. */
export async function runPag(config: PagRunConfig, { outDir, signal, reporter }: JobContext): Promise<JobResult> {
  if (config.judge !== undefined) {
    throw new UsageError('pag: scoring by a judge is not built yet; leave --judge out');
  }
  let stage: PagStage | undefined;
  const report = await buildPagDataset(config.pag, {
    outDir,
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
  return {
    summary: {
      tasks: report.tasks,
      decisions: report.decisions,
      accepted: report.accepted,
      duplicates: report.duplicates,
      trainRecords: report.split.train.records,
      validationRecords: report.split.validation.records,
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
