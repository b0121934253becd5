import { jobLoaders } from './jobs.js';
import { processHost } from './process-host.js';
import { runCli } from './run-cli.js';

process.exitCode = await runCli(process.argv.slice(2), processHost(jobLoaders));
