import { type JobContext, type JobResult, type PagRunConfig, UsageError } from '@parl-mt/schema';

export async function runPag(_config: PagRunConfig, _context: JobContext): Promise<JobResult> {
  throw new UsageError('pag: not built yet');
}
