import { type FuzzTarget, isRefusal } from './fuzz-target.js';
import { InputRandom, mutate } from './mutation.js';

/** An input may take this many bytes of memory for each of its own, beside the allowance. */
export const ALLOCATION_FACTOR = 64;
const ALLOCATION_ALLOWANCE = 4 << 20;
const SLOW_MS = 1000;

export interface FuzzFinding {
  readonly target: string;
  readonly index: number;
  readonly detail: string;
}

export interface FuzzCounts {
  accepted: number;
  refused: number;
}

/**
 * Runs inputs first, first + 1, ... of a seed; input i goes to target i mod the number of targets.
 *
 * @param onProgress - hears now and then which input comes next.
 */
export function runFuzz(
  targets: readonly FuzzTarget[],
  seed: number,
  first: number,
  count: number,
  onProgress: (index: number) => void = () => undefined,
): { findings: FuzzFinding[]; counts: Record<string, FuzzCounts> } {
  const findings: FuzzFinding[] = [];
  const counts: Record<string, FuzzCounts> = {};
  for (const { name } of targets) counts[name] = { accepted: 0, refused: 0 };
  for (let index = first; index < first + count; index += 1) {
    if (index % 1000 === 0) onProgress(index);
    const target = targets[index % targets.length]!;
    const bytes = mutate(target.seeds, new InputRandom(seed, index));
    const before = allocated();
    const since = performance.now();
    try {
      target.parse(bytes);
      counts[target.name]!.accepted += 1;
    } catch (error) {
      if (isRefusal(error)) counts[target.name]!.refused += 1;
      else findings.push({ target: target.name, index, detail: String((error as Error)?.stack ?? error) });
    }
    const milliseconds = performance.now() - since;
    const grown = allocated() - before;
    if (milliseconds > SLOW_MS) findings.push({ target: target.name, index, detail: `took ${milliseconds} ms` });
    if (grown > ALLOCATION_ALLOWANCE + ALLOCATION_FACTOR * bytes.length) {
      findings.push({ target: target.name, index, detail: `took ${grown} bytes for ${bytes.length}` });
    }
  }
  return { findings, counts };
}

/** Bytes of the heap and of array buffers; a collection in between can only hide growth. */
function allocated(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
