import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ALLOCATION_FACTOR, type FuzzCounts, type FuzzFinding, runFuzz } from './fuzz-run.js';
import { modelFileTargets } from './model-file-targets.js';
import { InputRandom, mutate } from './mutation.js';

const HEAP_LIMIT_MB = 256;
const INPUTS_PER_CHILD = 100_000;
/** Without a sign of life for so long a child hangs: a busy machine starves a process for a minute, not for ten. */
const HANG_MS = 600_000;

const targets = modelFileTargets;

const USAGE = `usage: npm run fuzz:models -- [--inputs N] [--seed S] [--show INDEX]

  --inputs N    mutated inputs (default 1000000)
  --seed S      of the inputs (default 1)
  --show INDEX  print that input instead of running any

Feeds the readers of ${targets.map(({ name }) => name).join(', ')}, in children with ${HEAP_LIMIT_MB} MiB of heap. Exit code 1 for
any crash, hang, slow input, error that is no refusal, tensor outside its file, or more than ${ALLOCATION_FACTOR} bytes of memory a byte.`;

interface ChildResult {
  readonly findings: readonly FuzzFinding[];
  readonly counts: Readonly<Record<string, FuzzCounts>>;
}
type ChildMessage = { readonly index: number } | { readonly result: ChildResult };

/** Runs a range of inputs in a child; its end or its standstill is a finding. */
function runChild(seed: number, first: number, count: number): Promise<ChildResult> {
  const child = fork(fileURLToPath(import.meta.url), ['--child', String(seed), String(first), String(count)], {
    execArgv: [...process.execArgv, `--max-old-space-size=${HEAP_LIMIT_MB}`],
  });
  return new Promise((resolve) => {
    let [index, timer] = [first, setTimeout(() => undefined, 0)];
    const finish = (result: ChildResult): void => {
      clearTimeout(timer);
      child.removeAllListeners();
      child.kill('SIGKILL');
      resolve(result);
    };
    const end = (detail: string): void => finish({ findings: [{ target: '', index, detail }], counts: {} });
    const watch = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => end(`no progress for ${HANG_MS} ms after input ${index}`), HANG_MS);
    };
    watch();
    child.on('message', (message: ChildMessage) => {
      if ('result' in message) return finish(message.result);
      index = message.index;
      watch();
    });
    child.on('exit', (code, signal) => end(`the process ended with ${code ?? signal} after input ${index}`));
  });
}

async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      inputs: { type: 'string', default: '1000000' },
      seed: { type: 'string', default: '1' },
      show: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const [inputs, seed, show] = [Number(values.inputs), Number(values.seed), Number(values.show ?? 0)];
  if (values.help || ![inputs, seed, show].every((value) => Number.isSafeInteger(value) && value >= 0)) {
    console.log(USAGE);
    return values.help ? 0 : 2;
  }
  if (values.show !== undefined) {
    const target = targets[show % targets.length]!;
    const bytes = mutate(target.seeds, new InputRandom(seed, show));
    console.log(`${target.name}, ${bytes.length} bytes:\n${Buffer.from(bytes).toString('latin1')}`);
    return 0;
  }
  const totals: Record<string, FuzzCounts> = {};
  const findings: FuzzFinding[] = [];
  const since = performance.now();
  for (let first = 0; first < inputs; first += INPUTS_PER_CHILD) {
    const result = await runChild(seed, first, Math.min(INPUTS_PER_CHILD, inputs - first));
    findings.push(...result.findings);
    for (const [name, { accepted, refused }] of Object.entries(result.counts)) {
      const total = totals[name] ?? { accepted: 0, refused: 0 };
      totals[name] = { accepted: total.accepted + accepted, refused: total.refused + refused };
    }
  }
  console.log(`${'reader'.padEnd(24)}${'accepted'.padStart(10)}${'refused'.padStart(10)}`);
  for (const [name, { accepted, refused }] of Object.entries(totals)) {
    console.log(`${name.padEnd(24)}${String(accepted).padStart(10)}${String(refused).padStart(10)}`);
  }
  console.log(`${inputs} inputs in ${Math.round((performance.now() - since) / 1000)} s, ${findings.length} findings`);
  for (const { target, index, detail } of findings.slice(0, 20)) console.log(`  input ${index} (${target}): ${detail}`);
  return findings.length === 0 ? 0 : 1;
}

if (process.argv[2] === '--child') {
  const [seed, first, count] = process.argv.slice(3).map(Number) as [number, number, number];
  const result = runFuzz(targets, seed, first, count, (index) => process.send!({ index }));
  process.send!({ result });
} else {
  process.exitCode = await main(process.argv.slice(2));
}
