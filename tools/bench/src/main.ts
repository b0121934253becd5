import { existsSync, statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { setThreads } from '@parl-mt/native';
import { measure } from './measure.js';
import { JUDGED_WORKS, runSideBySide } from './side-by-side.js';
import { allWorks, selectWorks } from './works.js';

const USAGE = `usage: main.js [--only PART[,PART]] [--threads N] [--budget SECONDS] [--smollm2 FILE] [--list]
       main.js --kit DIR --peers NAME=COMMAND [--peers ...] [--only PART[,PART]] [--rounds N] [--smollm2 FILE] [--out FILE] [-- ARGUMENTS OF compare.py]`;

/** Prints one JSON record a line for each work that `--only` selects; with a kit, runs the peers by turns and prints tables. */
async function main(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      only: { type: 'string', default: '' },
      threads: { type: 'string', default: '2' },
      budget: { type: 'string', default: '1.5' },
      list: { type: 'boolean', default: false },
      smollm2: { type: 'string' },
      kit: { type: 'string' },
      peers: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string', default: '2' },
      out: { type: 'string', default: 'side-by-side.jsonl' },
    },
  });
  const threads = positive('--threads', values.threads);
  const budgetSeconds = positive('--budget', values.budget);
  const parts = values.only.split(',').filter((part) => part !== '');
  if (values.kit === undefined && (values.peers.length > 0 || positionals.length > 0)) {
    throw new TypeError(`expected --kit with peers, received ${values.peers.concat(positionals).join(' ')} without it`);
  }
  if (values.kit !== undefined) {
    const { kit, peers, out } = values;
    const rounds = positive('--rounds', values.rounds);
    const works = parts.length === 0 ? JUDGED_WORKS : parts;
    if (existsSync(out)) {
      const written = statSync(out).mtime.toISOString();
      console.error(
        `${out} has records already, the last of ${written}: tables are of both runs. A change of ours needs a new --out.`,
      );
    }
    process.exitCode = await runSideBySide({
      kit,
      peers,
      works,
      rounds,
      threads,
      budgetSeconds,
      out,
      smollm2: values.smollm2,
      rest: positionals,
    });
    return;
  }
  setThreads(threads);
  for (const work of selectWorks(allWorks({ smollm2: values.smollm2 }), parts)) {
    if (values.list) {
      console.log(work.name);
      continue;
    }
    try {
      console.log(JSON.stringify(await measure(work, { peer: 'ours', threads, budgetSeconds })));
    } catch (error) {
      // A work that cannot run must not end the others; the record says so.
      const failed = error instanceof Error ? error.message : String(error);
      console.log(JSON.stringify({ work: work.name, peer: 'ours', failed: failed.slice(0, 300) }));
    }
  }
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value)))
    throw new TypeError(`expected ${name} to be a number > 0, received ${text}`);
  return value;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof TypeError)) throw error;
  console.error(`${error.message}\n${USAGE}`);
  process.exitCode = 2;
}
