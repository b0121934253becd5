import { type DemoRunConfig, type JobContext, type JobResult, UsageError } from '@parl-mt/schema';

export async function runDemo(_config: DemoRunConfig, _context: JobContext): Promise<JobResult> {
  throw new UsageError('demo: not built yet');
}
