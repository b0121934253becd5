import { openSync, writeSync } from 'node:fs';
import { FuzzRunner } from './fuzz-runner.js';

/** What the command sends the child: a range of inputs, and the file in which to keep the index at work. */
export interface FuzzWork {
  readonly seed: number;
  readonly from: number;
  readonly to: number;
  readonly timeLimitMs: number;
  readonly progressFile: string;
}

process.once('message', (work: FuzzWork) => {
  const file = openSync(work.progressFile, 'w');
  const index = Buffer.alloc(8);
  const runner = new FuzzRunner(work.seed, work.timeLimitMs);
  let peakHeapMb = 0;
  for (let at = work.from; at < work.to; at++) {
    // Written before the input runs, so that the parent can name the one that hangs.
    index.writeBigUInt64LE(BigInt(at));
    writeSync(file, index, 0, 8, 0);
    runner.run(at);
    if (at % 1000 === 0) peakHeapMb = Math.max(peakHeapMb, process.memoryUsage().heapUsed / 2 ** 20);
  }
  const { findings, countPerTarget, slowestMs } = runner;
  const result = { findings, counts: Object.fromEntries(countPerTarget), slowestMs, peakHeapMb };
  process.send?.(result, undefined, undefined, () => process.exit(0));
});
