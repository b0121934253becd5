import { createWriteStream, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type RunEvent, type RunKind, runEventSchema } from '@parl-mt/schema';
import { ApiError } from './api-error.js';
import type { ProcessEnd, RunProcess, RunSpawner } from './run-process.js';
import { hasEnded, type Run, type RunStatus } from './run-resource.js';
import type { RunChange, RunStore } from './run-store.js';

/** The clock and timers of the queue; tests pass their own. */
export interface QueueTimers {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls back after a delay in milliseconds; the returned function cancels. */
  after(delayMs: number, callback: () => void): () => void;
}

export interface RunQueueOptions {
  readonly store: RunStore;
  readonly spawn: RunSpawner;
  /** Folder with one folder per run. */
  readonly runsDir: string;
  /** Time between SIGINT and SIGKILL of a cancelled run, in milliseconds. */
  readonly cancelGraceMs: number;
  readonly timers: QueueTimers;
  readonly newId: () => string;
  /** Told of failures that no request waits for, such as a full disk under the database. */
  readonly onError: (error: unknown) => void;
}

/** Runs queued runs one at a time, in order, each in a process of its own. */
export interface RunQueue {
  submit(kind: RunKind, config: Readonly<Record<string, unknown>>): Run;
  /** A queued run ends at once; a running one is asked to stop. @throws {ApiError} 409 when it has ended. */
  cancel(id: string): Run;
  /** Queues an ended, unfinished run again in the same folder. @throws {ApiError} 409 otherwise. */
  resume(id: string): Run;
  /** Forgets an ended run and its files. @throws {ApiError} 409 while it is queued or running. */
  remove(id: string): void;
  /** Calls back after each new event of a run; the returned function stops that. */
  subscribe(id: string, callback: () => void): () => void;
  /** Stops the current run, which becomes interrupted; queued ones stay queued. */
  close(): Promise<void>;
}

interface Active {
  readonly id: string;
  readonly process: RunProcess;
  readonly done: Promise<void>;
  cancelKill?: () => void;
}

/** What a run reported last about its end. */
type Outcome = Extract<RunEvent, { type: 'finished' | 'failed' | 'cancelled' }>;

/**
 * Opens the queue over a store: runs that were going on when the last server ended become interrupted, queued ones
 * start.
 */
export function openRunQueue(options: RunQueueOptions): RunQueue {
  const { store, runsDir, timers } = options;
  const subscribers = new Map<string, Set<() => void>>();
  let active: Active | undefined;
  let isClosing = false;

  const time = () => new Date(timers.now()).toISOString();
  const record = (id: string, type: string, event: object) => {
    store.appendEvent(id, type, JSON.stringify(event));
    for (const callback of subscribers.get(id) ?? []) {
      callback();
    }
  };
  const change = (id: string, status: RunStatus, rest: RunChange = {}): Run => {
    const run = store.update(id, { status, ...rest });
    record(id, 'status', { type: 'status', time: time(), status, error: run.error });
    return run;
  };
  const end = (id: string, status: RunStatus, rest: RunChange = {}) => change(id, status, { endedAt: time(), ...rest });

  const startNext = () => {
    const run = active === undefined && !isClosing ? store.nextQueued() : undefined;
    if (run === undefined) {
      return;
    }
    change(run.id, 'running', { startedAt: time() });
    const outDir = join(runsDir, run.id);
    let child: RunProcess;
    try {
      const configPath = join(outDir, 'config.json');
      mkdirSync(outDir, { recursive: true });
      writeFileSync(configPath, `${JSON.stringify({ ...run.config, outDir }, null, 2)}\n`);
      child = options.spawn(run.kind, configPath);
    } catch (error) {
      notStarted(run.id, error);
      startNext();
      return;
    }
    const done = follow(run.id, child, outDir)
      .catch(options.onError)
      .finally(() => {
        active?.cancelKill?.();
        active = undefined;
        startNext();
      });
    active = { id: run.id, process: child, done };
  };

  const notStarted = (id: string, error: unknown) => {
    const message = `the run's process could not be started: ${error instanceof Error ? error.message : String(error)}`;
    end(id, 'failed', { error: { code: 'SPAWN', message } });
  };

  /** Stores what the process says until it ends, then how it ended. Rejects when the store does. */
  const follow = async (id: string, child: RunProcess, outDir: string): Promise<void> => {
    let outcome: Outcome | undefined;
    let storeError: unknown;
    const log = createWriteStream(join(outDir, 'stderr.log'), { flags: 'a' });
    log.on('error', options.onError);
    child.stderr.pipe(log);
    const lines = createInterface({ input: child.stdout, crlfDelay: Number.POSITIVE_INFINITY });
    lines.on('line', (line) => {
      const event = parseEvent(line);
      if (event === undefined) {
        log.write(`not an event: ${line}\n`);
        return;
      }
      if (event.type === 'finished' || event.type === 'failed' || event.type === 'cancelled') {
        outcome = event;
      }
      try {
        record(id, event.type, event);
      } catch (error) {
        // Events that cannot be kept (a full disk): the run saves and stops rather than going on unseen.
        if (storeError === undefined) {
          storeError = error;
          child.kill('SIGINT');
        }
      }
    });
    const linesRead = new Promise<void>((resolve) => lines.once('close', resolve));
    try {
      const processEnd = await child.ended.catch((error: unknown) => ({ error }));
      if ('error' in processEnd) {
        notStarted(id, processEnd.error);
        return;
      }
      await linesRead;
      if (storeError !== undefined) {
        throw storeError;
      }
      settle(id, outcome, processEnd);
    } finally {
      log.end();
    }
  };

  const settle = (id: string, outcome: Outcome | undefined, { code, signal }: ProcessEnd) => {
    const isCancelRequested = store.get(id)?.isCancelRequested === true;
    if (outcome?.type === 'finished') {
      end(id, 'finished', { summary: outcome.summary, error: null });
    } else if (outcome?.type === 'failed') {
      end(id, 'failed', { error: { code: outcome.code, message: outcome.message } });
    } else if (isCancelRequested) {
      end(id, 'cancelled', {
        error: { code: 'CANCELLED', message: outcome?.message ?? stoppedSilently(signal) },
      });
    } else if (isClosing) {
      end(id, 'interrupted', { error: { code: 'INTERRUPTED', message: 'the server was stopped' } });
    } else if (outcome?.type === 'cancelled') {
      end(id, 'cancelled', { error: { code: 'CANCELLED', message: outcome.message } });
    } else {
      const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
      const message = `the run's process ended with ${how} before it reported a result; see stderr.log`;
      end(id, 'failed', { error: { code: 'CRASHED', message } });
    }
  };

  const stopActive = (run: Active) => {
    run.process.kill('SIGINT');
    run.cancelKill = timers.after(options.cancelGraceMs, () => run.process.kill('SIGKILL'));
  };

  const known = (id: string): Run => {
    const run = store.get(id);
    if (run === undefined) {
      throw new ApiError(404, 'NOT_FOUND', `no run ${id}`);
    }
    return run;
  };

  for (const run of store.withStatus('running')) {
    const message = 'the server ended while the run was going on; resume it to go on from its last checkpoint';
    end(run.id, 'interrupted', { error: { code: 'INTERRUPTED', message } });
  }
  startNext();

  return {
    submit(kind, config) {
      const run = store.insert({ id: options.newId(), kind, config: { ...config }, createdAt: time() });
      record(run.id, 'status', { type: 'status', time: time(), status: 'queued', error: null });
      startNext();
      return known(run.id);
    },
    cancel(id) {
      const run = known(id);
      if (hasEnded(run.status)) {
        throw new ApiError(409, 'RUN_ENDED', `expected a queued or running run, run ${id} is ${run.status}`);
      }
      if (run.status === 'queued') {
        return end(id, 'cancelled', { error: { code: 'CANCELLED', message: 'cancelled before it started' } });
      }
      if (active?.id === id && !run.isCancelRequested) {
        // Only once: a second SIGINT tells the run to give up saving.
        stopActive(active);
      }
      return store.update(id, { isCancelRequested: true });
    },
    resume(id) {
      const run = known(id);
      if (!hasEnded(run.status) || run.status === 'finished') {
        throw new ApiError(
          409,
          'NOT_RESUMABLE',
          `expected an interrupted, cancelled or failed run, run ${id} is ${run.status}`,
        );
      }
      store.requeue(id);
      record(id, 'status', { type: 'status', time: time(), status: 'queued', error: null });
      startNext();
      return known(id);
    },
    remove(id) {
      const run = known(id);
      if (!hasEnded(run.status)) {
        throw new ApiError(409, 'RUN_ACTIVE', `expected an ended run, run ${id} is ${run.status}; cancel it first`);
      }
      rmSync(join(runsDir, id), { recursive: true, force: true });
      store.delete(id);
    },
    subscribe(id, callback) {
      const callbacks = subscribers.get(id) ?? new Set();
      subscribers.set(id, callbacks.add(callback));
      return () => {
        callbacks.delete(callback);
        if (callbacks.size === 0) {
          subscribers.delete(id);
        }
      };
    },
    async close() {
      isClosing = true;
      if (active !== undefined) {
        if (active.cancelKill === undefined) {
          stopActive(active);
        }
        await active.done;
      }
    },
  };
}

/** A cancelled run without a last word: SIGINT may find it still starting, before it listens for signals. */
function stoppedSilently(signal: string | null): string {
  return signal === 'SIGKILL' ? 'killed: it did not stop within the grace time' : 'cancelled while it was starting';
}

function parseEvent(line: string): RunEvent | undefined {
  try {
    return runEventSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
