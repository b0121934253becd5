import { fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { UsageError } from '@parl-mt/schema';
import type { FuzzWork } from './fuzz-child.js';
import { fuzzInput } from './fuzz-input.js';
import type { FuzzFinding } from './fuzz-runner.js';

const HEAP_LIMIT_MB = 512;
const INPUTS_PER_CHILD = 100_000;

const USAGE = `usage: npm run fuzz:bfcl -- [--inputs N] [--seed S] [--time-limit MS] [--show INDEX]

  --inputs N       generated inputs (default 1000000)
  --seed S         of the inputs (default 1)
  --time-limit MS  most processor time that one input may take (default 2000)
  --show INDEX     print that input instead of running any

Feeds the executor, the call-text parser and both decoders, in children with ${HEAP_LIMIT_MB} MiB of heap. Exit code 1 for any crash,
hang, slow input, flood of output, or change of a prototype.`;

interface RangeResult {
  readonly findings: readonly Pick<FuzzFinding, 'index' | 'kind' | 'detail'>[];
  readonly counts: { readonly [target: string]: number };
  readonly slowestMs: number;
  readonly peakHeapMb: number;
}

/** Wall time that a child may take to start, on a busy machine too. */
const START_LIMIT_MS = 180_000;
/** Wall time beyond the limit of processor time, for a machine that has other things to do. */
const GRACE_MS = 30_000;

/**
 * Runs a range of inputs in a child process. An input that stands still for twice its time limit (and some grace), and
 * one that ends the child, are findings themselves.
 */
function runRange(work: FuzzWork): Promise<RangeResult> {
  const script = fileURLToPath(import.meta.url).replace(/fuzz-command(\.[jt]s)$/, 'fuzz-child$1');
  const child = fork(script, { execArgv: [...process.execArgv, `--max-old-space-size=${HEAP_LIMIT_MB}`] });
  // The last child's index would pass for one at which this child stands still.
  rmSync(work.progressFile, { force: true });
  child.send(work);
  return new Promise((resolve) => {
    let lastIndex = -1;
    let since = Date.now();
    const watch = setInterval(() => {
      const index = readProgress(work.progressFile);
      if (index !== lastIndex) [lastIndex, since] = [index, Date.now()];
      else if (Date.now() - since > (index < 0 ? START_LIMIT_MS : 2 * work.timeLimitMs + GRACE_MS))
        end('hang', `no progress for ${Date.now() - since} ms`);
    }, 250);
    const finish = (result: RangeResult) => {
      clearInterval(watch);
      child.removeAllListeners();
      child.kill('SIGKILL');
      resolve(result);
    };
    const end = (kind: 'hang' | 'crash', detail: string) => {
      const finding = { index: readProgress(work.progressFile), kind, detail } as FuzzFinding;
      finish({ findings: [finding], counts: {}, slowestMs: 0, peakHeapMb: 0 });
    };
    child.once('message', (result) => finish(result as RangeResult));
    child.once('exit', (code, signal) => end('crash', `the process ended with ${code ?? signal}`));
  });
}

function readProgress(file: string): number {
  try {
    return Number(readFileSync(file).readBigUInt64LE());
  } catch {
    return -1;
  }
}

async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      inputs: { type: 'string', default: '1000000' },
      seed: { type: 'string', default: '1' },
      'time-limit': { type: 'string', default: '2000' },
      show: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const seed = wholeNumber('seed', values.seed);
  if (values.show !== undefined) {
    console.log(JSON.stringify(fuzzInput(seed, wholeNumber('show', values.show)), null, 2));
    return 0;
  }
  return fuzz(wholeNumber('inputs', values.inputs), seed, wholeNumber('time-limit', values['time-limit']));
}

async function fuzz(inputs: number, seed: number, timeLimitMs: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'fuzz-bfcl-'));
  const startedAt = Date.now();
  const counts = new Map<string, number>();
  let [found, slowestMs, peakHeapMb] = [0, 0, 0];
  try {
    for (let from = 0; from < inputs; from += INPUTS_PER_CHILD) {
      const to = Math.min(inputs, from + INPUTS_PER_CHILD);
      const result = await runRange({ seed, from, to, timeLimitMs, progressFile: join(folder, 'index') });
      for (const [target, count] of Object.entries(result.counts)) {
        counts.set(target, (counts.get(target) ?? 0) + count);
      }
      slowestMs = Math.max(slowestMs, result.slowestMs);
      peakHeapMb = Math.max(peakHeapMb, result.peakHeapMb);
      for (const { index, kind, detail } of result.findings) {
        console.log(`${kind} at input ${index}: ${detail}\n${JSON.stringify(fuzzInput(seed, index)).slice(0, 400)}`);
        found++;
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const ran = Array.from(counts.values()).reduce((sum, count) => sum + count, 0);
  console.log(
    [
      `inputs     ${ran} of ${inputs}, seed ${seed}: ${Array.from(counts, ([target, count]) => `${target} ${count}`).join(', ')}`,
      `findings   ${found}`,
      `slowest    ${slowestMs.toFixed(0)} ms (limit ${timeLimitMs} ms)`,
      `heap       ${peakHeapMb.toFixed(0)} MiB at most (limit ${HEAP_LIMIT_MB} MiB)`,
      `time       ${((Date.now() - startedAt) / 1000).toFixed(0)} s`,
    ].join('\n'),
  );
  return found === 0 && ran === inputs ? 0 : 1;
}

function wholeNumber(name: string, text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new UsageError(`expected --${name} to be a whole number, received ${JSON.stringify(text)}`);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const isUsage = error instanceof UsageError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS');
  if (!isUsage) throw error;
  console.error(`${(error as Error).message}\n\n${USAGE}`);
  process.exitCode = 2;
}
