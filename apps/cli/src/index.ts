/**
 * The `parl-mt` command as a library: the command line over any set of jobs.
 *
 * @example
 * import { jobLoaders, runCli } from '@parl-mt/cli';
 * const { stdout, stderr } = process;
 * const host = { stdout, stderr, cwd: '.', now: Date.now, signals: process, exit: process.exit, jobs: jobLoaders };
 * process.exitCode = await runCli(['info'], host);
 */
export type { CliHost, OutputStream } from './host.js';
export { type Job, type JobLoaders, jobLoaders } from './jobs.js';
export { runCli } from './run-cli.js';
export { commandWords } from './run-commands.js';
