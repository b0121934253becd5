/**
 * The `parl-mt` command as a library: the command line over any set of jobs.
 *
 * @example
 * import { jobLoaders, processHost, runCli } from '@parl-mt/cli';
 * process.exitCode = await runCli(['info'], processHost(jobLoaders));
 */
export type { CliHost, OutputStream } from './host.js';
export { type Job, type JobLoaders, jobLoaders } from './jobs.js';
export { processHost } from './process-host.js';
export { runCli } from './run-cli.js';
export { commandWords } from './run-commands.js';
