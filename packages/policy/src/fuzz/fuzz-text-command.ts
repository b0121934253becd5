import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runTextFuzz, type TextFuzzFinding, textFuzzInput } from './text-fuzz.js';

const USAGE = `usage: npm run fuzz:text -- [--inputs N] [--seed S] [--time-limit MS] [--show INDEX]

  --inputs N       mutated templates and tokenizer.json files (default 1000000; one in four is a tokenizer)
  --seed S         of the inputs (default 1)
  --time-limit MS  most time that one input may take (default 5000)
  --show INDEX     print that input instead of running any

Exit code 1 for any crash, hang, slow input, error that is not meant for users, excess of memory, or change of a prototype.`;

const CHUNK = 2_000;
const HEAP_LIMIT_MB = 1024;

interface Work {
  readonly seed: number;
  readonly start: number;
  readonly end: number;
  readonly timeLimitMs: number;
}

/** In the child: one message a chunk of inputs, so that the parent sees whether it still moves. */
function runInChild(): void {
  process.once('message', ({ seed, start, end, timeLimitMs }: Work) => {
    for (let index = start; index < end; index++) {
      const finding = runTextFuzz(textFuzzInput(seed, index), index, timeLimitMs);
      if (finding !== undefined) process.send!({ finding });
    }
    process.send!({ done: true });
  });
}

/** Runs inputs in a child, which is ended when it stands still. */
function runRange(work: Work): Promise<TextFuzzFinding[]> {
  const child = fork(fileURLToPath(import.meta.url), ['--child'], {
    execArgv: [...process.execArgv, `--max-old-space-size=${HEAP_LIMIT_MB}`],
  });
  const findings: TextFuzzFinding[] = [];
  return new Promise((resolve) => {
    const finish = (extra?: TextFuzzFinding): void => {
      clearTimeout(watch);
      child.removeAllListeners();
      child.kill('SIGKILL');
      resolve(extra === undefined ? findings : [...findings, extra]);
    };
    const limit = 120_000 + work.timeLimitMs;
    const watch = setTimeout(
      () => finish({ index: work.start, kind: 'slow', detail: `a hang after input ${work.start}, within ${CHUNK}` }),
      limit,
    );
    child.on('message', (message: { finding?: TextFuzzFinding }) => {
      if (message.finding !== undefined) findings.push(message.finding);
      else finish();
    });
    child.once('exit', (code, signal) =>
      finish({
        index: work.start,
        kind: 'wrong error',
        detail: `the process ended with ${code ?? signal} after ${work.start}`,
      }),
    );
    child.send(work);
  });
}

async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      inputs: { type: 'string', default: '1000000' },
      seed: { type: 'string', default: '1' },
      'time-limit': { type: 'string', default: '5000' },
      show: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const [inputs, seed, timeLimitMs] = [Number(values.inputs), Number(values.seed), Number(values['time-limit'])];
  if (values.show !== undefined) {
    console.log(JSON.stringify(textFuzzInput(seed, Number(values.show)), null, 2));
    return 0;
  }
  const started = performance.now();
  let found = 0;
  for (let start = 0; start < inputs; start += CHUNK) {
    const end = Math.min(inputs, start + CHUNK);
    for (const { index, kind, detail } of await runRange({ seed, start, end, timeLimitMs })) {
      console.log(`input ${index}: ${kind}: ${detail}`);
      found += 1;
    }
  }
  const seconds = Math.round((performance.now() - started) / 1000);
  console.log(`${inputs} inputs, seed ${seed}: ${found} findings, ${seconds} s`);
  return found === 0 ? 0 : 1;
}

if (process.argv.includes('--child')) runInChild();
else process.exitCode = await main(process.argv.slice(2));
