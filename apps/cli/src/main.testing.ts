// The command as a process, with a job made for the tests of processes and signals.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JobContext, JobResult } from '@parl-mt/schema';
import { processHost } from './process-host.js';
import { runCli } from './run-cli.js';

async function notMade(): Promise<never> {
  throw new Error('no such job in these tests');
}

/** One unit of 5 ms per task; saves when cancelled; dies of SIGKILL when it has 13 tasks. */
async function runPag(config: { pag: { synthesis: { tasks: number } } }, context: JobContext): Promise<JobResult> {
  const { tasks } = config.pag.synthesis;
  context.reporter.stage('work', tasks);
  for (let done = 1; done <= tasks; done++) {
    context.reporter.progress(done);
    if (tasks === 13) {
      process.kill(process.pid, 'SIGKILL');
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (context.signal.aborted) {
      writeFileSync(join(context.outDir, 'saved.txt'), String(done));
      throw context.signal.reason;
    }
  }
  return { summary: { tasks }, files: [] };
}

process.exitCode = await runCli(
  process.argv.slice(2),
  processHost({ demo: notMade, pag: async () => runPag, sft: notMade, train: notMade, evaluate: notMade }),
);
