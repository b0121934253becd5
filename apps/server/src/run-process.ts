import type { Readable } from 'node:stream';
import type { RunKind } from '@parl-mt/schema';

/** How a process ended: an exit code, or the signal that killed it. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: string | null;
}

/** A run's process, as the queue uses it. */
export interface RunProcess {
  /** Events, one JSON object per line. */
  readonly stdout: Readable;
  /** Text for people; ends up in the run's `stderr.log`. */
  readonly stderr: Readable;
  /** Resolves when the process has ended and its output has been read; rejects when it could not be started. */
  readonly ended: Promise<ProcessEnd>;
  /** SIGINT asks the run to save and stop, SIGKILL ends it and its children at once. */
  kill(signal: 'SIGINT' | 'SIGKILL'): void;
}

/**
 * Starts the process of a run.
 *
 * @param kind - which run.
 * @param configPath - JSON file with the whole configuration, `outDir` included.
 */
export type RunSpawner = (kind: RunKind, configPath: string) => RunProcess;
