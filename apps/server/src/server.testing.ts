import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { parseClosed, type RunEvent, type RunKind, type ServerConfig, serverConfigSchema } from '@parl-mt/schema';
import { createServer, type ParlServer } from './create-server.js';
import type { ProcessEnd, RunProcess } from './run-process.js';
import type { QueueTimers } from './run-queue.js';

/** A run's process that does what the test says. */
export class FakeRun implements RunProcess {
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly ended: Promise<ProcessEnd>;
  readonly signals: string[] = [];
  /** Ends on SIGINT by itself. */
  isPolite = false;
  readonly kind: RunKind;
  readonly configPath: string;
  private settle!: { resolve: (end: ProcessEnd) => void; reject: (error: Error) => void };

  constructor(kind: RunKind, configPath: string) {
    this.kind = kind;
    this.configPath = configPath;
    this.ended = new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
    });
  }

  kill(signal: 'SIGINT' | 'SIGKILL'): void {
    this.signals.push(signal);
    if (signal === 'SIGKILL') {
      this.end(null, 'SIGKILL');
    } else if (this.isPolite) {
      this.end(130);
    }
  }

  say(...events: readonly RunEvent[]): void {
    for (const event of events) {
      this.stdout.write(`${JSON.stringify(event)}\n`);
    }
  }

  end(code: number | null, signal: string | null = null): void {
    this.stdout.end();
    this.stderr.end();
    this.settle.resolve({ code, signal });
  }

  failToStart(error: Error): void {
    this.stdout.end();
    this.stderr.end();
    this.settle.reject(error);
  }
}

/** Timers that fire when the test says so. */
export class FakeTimers implements QueueTimers {
  nowMs = Date.UTC(2026, 0, 1);
  private readonly pending = new Set<{ atMs: number; callback: () => void }>();

  now(): number {
    return this.nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.nowMs + delayMs, callback };
    this.pending.add(timer);
    return () => this.pending.delete(timer);
  }

  advance(byMs: number): void {
    this.nowMs += byMs;
    for (const timer of [...this.pending].filter(({ atMs }) => atMs <= this.nowMs)) {
      this.pending.delete(timer);
      timer.callback();
    }
  }
}

/** A folder for servers, removed at the end of the test. */
export interface TestFolder extends Disposable {
  readonly path: string;
}

export function testFolder(): TestFolder {
  const path = mkdtempSync(join(tmpdir(), 'parl-mt-server-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

export interface TestServer extends ParlServer {
  readonly runs: FakeRun[];
  readonly timers: FakeTimers;
  /** Waits until a run has the status. */
  untilStatus(id: string, status: string): Promise<void>;
}

export async function testServer(folder: TestFolder, config: Partial<ServerConfig> = {}): Promise<TestServer> {
  const runs: FakeRun[] = [];
  const timers = new FakeTimers();
  let isDisposing = false;
  const server = await createServer({
    config: parseClosed(serverConfigSchema, { dataDir: 'data', ...config }, 'test'),
    spawn: (kind, configPath) => {
      const run = new FakeRun(kind, configPath);
      run.isPolite = isDisposing;
      runs.push(run);
      return run;
    },
    version: '0.0.0-test',
    cwd: folder.path,
    timers,
    heartbeatMs: 20,
  });
  return {
    ...server,
    runs,
    timers,
    async untilStatus(id, status) {
      for (;;) {
        const run = (await server.app.inject(`/v1/runs/${id}`)).json<{ status: string }>();
        if (run.status === status) {
          return;
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    // A test that leaves a run going must not hang on closing.
    async [Symbol.asyncDispose]() {
      isDisposing = true;
      for (const run of runs) {
        run.end(130);
      }
      await server.close();
    },
  };
}

export const time = '2026-01-01T00:00:00.000Z';
export const finished: RunEvent = { type: 'finished', time, summary: { records: 3 }, files: [] };

/** Queues a small dataset run and returns its id. */
export async function submitPag(server: TestServer): Promise<string> {
  const answer = await server.app.inject({ method: 'POST', url: '/v1/runs', payload: { kind: 'pag', config: {} } });
  return answer.json<{ id: string }>().id;
}
