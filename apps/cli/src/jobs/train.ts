import { type JobContext, type JobResult, type TrainRunConfig, UsageError } from '@parl-mt/schema';

export async function runTrain(_config: TrainRunConfig, _context: JobContext): Promise<JobResult> {
  throw new UsageError('train: not built yet');
}
