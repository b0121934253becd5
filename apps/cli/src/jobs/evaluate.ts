import { type EvaluateRunConfig, type JobContext, type JobResult, UsageError } from '@parl-mt/schema';

export async function runEvaluate(_config: EvaluateRunConfig, _context: JobContext): Promise<JobResult> {
  throw new UsageError('evaluate: not built yet');
}
