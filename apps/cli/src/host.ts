import type { Readable } from 'node:stream';
import type { JobLoaders } from './jobs.js';

/** A stream the command writes to; `columns` and `isTTY` as Node's terminals have them. */
export interface OutputStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Everything of the outside world that the command touches; tests pass their own. */
export interface CliHost {
  readonly stdin: Readable;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  /** Folder that relative paths start from. */
  readonly cwd: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Where SIGINT and SIGTERM arrive: the process. */
  readonly signals: Pick<NodeJS.EventEmitter, 'on' | 'off'>;
  /** Ends the process at once, on the second Ctrl-C. */
  readonly exit: (code: number) => void;
  readonly jobs: JobLoaders;
  /** Program and arguments that start this command again, for the runs of a server. */
  readonly entry: readonly [string, ...string[]];
}
