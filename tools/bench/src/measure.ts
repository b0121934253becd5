import { peakMemory, resetPeakMemory, residentMemory } from './memory.js';
import { machineSeconds, processSeconds, ThreadClock, vectorSet } from './processor.js';

/** What is measured: one piece of work with a name that peers share. */
export interface Work {
  /** E.g. 'logprob_fwd/4096x2048'. */
  readonly name: string;
  /** What one run handles, and how many of it. */
  readonly item: string;
  readonly items: number;
  /** Compulsory traffic: inputs read once, outputs written once. */
  readonly bytes: number;
  /** Compulsory floating-point operations, 0 where they are not the point. */
  readonly flops: number;
  readonly note?: string;
  /** Makes the inputs; what it returns runs the work once and is timed. */
  prepare(): Prepared | Promise<Prepared>;
}

export interface Prepared {
  run(): unknown;
  /** A number that every implementation must agree on, from the latest run. */
  check(): number;
  /** Further numbers worth a table of their own, over all runs: parts of the time in milliseconds. */
  extra?(): Readonly<Record<string, number>>;
  dispose?(): void;
}

/** One line of output; the fields are those of the peers' programs. Times are milliseconds of each run. */
export interface BenchRecord {
  readonly work: string;
  readonly peer: string;
  readonly threads: number;
  /** Wall time. */
  readonly ms: readonly number[];
  /** Processor time of all threads. */
  readonly cpu_ms: readonly number[];
  /** Processor time of the busiest thread. */
  readonly top_ms: readonly number[];
  /** Processors that other processes kept busy meanwhile. */
  readonly others: number;
  readonly items: number;
  readonly item: string;
  readonly bytes: number;
  readonly flops: number;
  readonly check: number;
  readonly note: string;
  readonly isa: string;
  /** `peak_mb`: how far the first run raised the resident memory above the inputs'; and what the work adds. */
  readonly extra: Readonly<Record<string, number>>;
}

export interface MeasureOptions {
  readonly peer: string;
  readonly threads: number;
  /** Runs go on for so long, but at least 3 and at most 200 times. */
  readonly budgetSeconds: number;
}

const MIN_RUNS = 3;
const MAX_RUNS = 200;
/** Runs before the first one that counts: the engine compiles what it has seen often while the first ones go on. */
const WARM_RUNS = 1000;
const WARM_SHARE = 0.1;

/** Runs a work to warm up, once or for a tenth of the budget, then again and again. */
export async function measure(work: Work, options: MeasureOptions): Promise<BenchRecord> {
  const prepared = await work.prepare();
  const isPeakKnown = resetPeakMemory();
  const before = residentMemory();
  await prepared.run();
  const memory: Readonly<Record<string, number>> = isPeakKnown ? { peak_mb: (peakMemory() - before) / 1e6 } : {};
  const check = prepared.check();
  const warmStart = performance.now();
  for (let i = 1; i < WARM_RUNS && performance.now() - warmStart < WARM_SHARE * options.budgetSeconds * 1e3; i += 1) {
    await prepared.run();
  }
  const ms: number[] = [];
  const cpu: number[] = [];
  const top: number[] = [];
  const threads = new ThreadClock();
  const start = performance.now();
  const machineStart = machineSeconds();
  const processStart = processSeconds();
  while (ms.length < MIN_RUNS || (performance.now() - start < options.budgetSeconds * 1e3 && ms.length < MAX_RUNS)) {
    threads.start();
    const cpuBefore = processSeconds();
    const runStart = performance.now();
    await prepared.run();
    ms.push(performance.now() - runStart);
    cpu.push((processSeconds() - cpuBefore) * 1e3);
    top.push(threads.busiest());
  }
  const seconds = (performance.now() - start) / 1e3;
  const others = Math.max(0, machineSeconds() - machineStart - (processSeconds() - processStart)) / seconds;
  threads.close();
  const extra = { ...memory, ...prepared.extra?.() };
  prepared.dispose?.();
  return {
    work: work.name,
    peer: options.peer,
    threads: options.threads,
    ms: ms.map(rounded),
    cpu_ms: cpu.map(rounded),
    top_ms: top.map(rounded),
    others: Math.round(others * 100) / 100,
    items: work.items,
    item: work.item,
    bytes: work.bytes,
    flops: work.flops,
    check,
    note: work.note ?? '',
    isa: vectorSet(),
    extra: Object.fromEntries(Object.entries(extra).map(([name, value]) => [name, rounded(value)])),
  };
}

function rounded(value: number): number {
  return Math.round(value * 1e4) / 1e4;
}
