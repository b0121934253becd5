import type { CliHost } from './host.js';
import type { JobLoaders } from './jobs.js';

/** The outside world of a real process. Call once. */
export function processHost(jobs: JobLoaders): CliHost {
  for (const stream of [process.stdout, process.stderr]) {
    // A reader that goes away ("| head") is no crash; a run hears of it through its own listener.
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') {
        throw error;
      }
    });
  }
  return {
    // Opened when it is read: a command that does not read must not wait for its end.
    get stdin() {
      return process.stdin;
    },
    stdout: process.stdout,
    stderr: process.stderr,
    cwd: process.cwd(),
    now: Date.now,
    signals: process,
    exit: process.exit,
    jobs,
    entry: [process.execPath, ...process.execArgv, process.argv[1]!],
  };
}
