import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import type { CliHost } from './host.js';
import type { JobLoaders } from './jobs.js';

/** Collects what is written; looks like a terminal where asked to. */
export class TextStream extends Writable {
  readonly columns = 100;
  readonly isTTY: boolean;
  text = '';

  constructor(isTTY = false) {
    super();
    this.isTTY = isTTY;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

/** A host in a folder of its own, with a clock that moves only when told. */
export interface TestHost extends CliHost, Disposable {
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  readonly signals: EventEmitter;
  readonly exits: number[];
  clockMs: number;
}

export function testHost(jobs: Partial<JobLoaders> = {}, isTTY = false): TestHost {
  const cwd = mkdtempSync(join(tmpdir(), 'parl-mt-cli-'));
  const missing = async (): Promise<never> => {
    throw new Error('the test gave no such job');
  };
  const exits: number[] = [];
  const host: TestHost = {
    stdin: new PassThrough(),
    stdout: new TextStream(),
    stderr: new TextStream(isTTY),
    cwd,
    clockMs: Date.UTC(2026, 0, 1),
    now: () => host.clockMs,
    signals: new EventEmitter(),
    exit: (code) => void exits.push(code),
    exits,
    entry: [process.execPath],
    jobs: { demo: missing, pag: missing, sft: missing, train: missing, evaluate: missing, ...jobs },
    [Symbol.dispose]: () => rmSync(cwd, { recursive: true }),
  };
  return host;
}
