import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import path from 'node:path';

/** The widest vector set that the machine offers, in the words of the peers' programs; 'unknown' outside Linux on x86. */
export function vectorSet(cpuinfo = read('/proc/cpuinfo')): string {
  const line = cpuinfo?.split('\n').find((candidate) => candidate.startsWith('flags'));
  if (line === undefined) return 'unknown';
  const flags = new Set(
    line
      .slice(line.indexOf(':') + 1)
      .trim()
      .split(/\s+/),
  );
  const has = (...names: readonly string[]): boolean => names.every((name) => flags.has(name));
  if (has('avx512f', 'avx512bw', 'avx512vl')) {
    return `avx512${has('avx512_bf16') ? '+bf16' : ''}${has('amx_bf16') ? '+amx' : ''}`;
  }
  return has('avx2', 'fma') ? 'avx2' : 'sse';
}

/** Processor seconds that all processes of the machine have used; 0 where that cannot be known. */
export function machineSeconds(): number {
  const fields = read('/proc/stat')?.split('\n')[0]?.split(/\s+/);
  return fields === undefined ? 0 : (Number(fields[1]) + Number(fields[2]) + Number(fields[3])) / 100;
}

/** Processor seconds of this process, all threads. */
export function processSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/**
 * Milliseconds on a processor of each thread that the process had when the clock was made; of none where that cannot be known. Files stay
 * open and a reading makes no garbage: what collects it would take a processor from the threads that are measured.
 */
export class ThreadClock {
  readonly #files: readonly number[];
  readonly #before: Float64Array;
  readonly #text = Buffer.alloc(32);

  constructor() {
    this.#files = openAll('/proc/self/task', 'schedstat');
    this.#before = new Float64Array(this.#files.length);
  }

  start(): void {
    for (let i = 0; i < this.#files.length; i++) this.#before[i] = this.#milliseconds(this.#files[i]!);
  }

  /** What the busiest thread has spent since start(). */
  busiest(): number {
    let most = 0;
    for (let i = 0; i < this.#files.length; i++) {
      most = Math.max(most, this.#milliseconds(this.#files[i]!) - this.#before[i]!);
    }
    return most;
  }

  close(): void {
    for (const file of this.#files) closeSync(file);
  }

  /** The first number of the file, nanoseconds; 0 of a thread that has ended. */
  #milliseconds(file: number): number {
    let bytes = 0;
    try {
      bytes = readSync(file, this.#text, 0, this.#text.length, 0);
    } catch {
      return 0;
    }
    let nanoseconds = 0;
    for (let i = 0; i < bytes; i++) {
      const digit = this.#text[i]! - 48;
      if (digit < 0 || digit > 9) break;
      nanoseconds = nanoseconds * 10 + digit;
    }
    return nanoseconds / 1e6;
  }
}

function openAll(folder: string, name: string): number[] {
  let entries: string[];
  try {
    entries = readdirSync(folder);
  } catch {
    return [];
  }
  return entries.flatMap((entry) => {
    try {
      return [openSync(path.join(folder, entry, name), 'r')];
    } catch {
      return []; // the thread has ended meanwhile
    }
  });
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
