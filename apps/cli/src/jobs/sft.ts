import { type JobContext, type JobResult, type SftRunConfig, UsageError } from '@parl-mt/schema';

export async function runSft(_config: SftRunConfig, _context: JobContext): Promise<JobResult> {
  throw new UsageError('sft: not built yet');
}
