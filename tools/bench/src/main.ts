import { parseArgs } from 'node:util';
import { setThreads } from '@parl-mt/native';
import { measure } from './measure.js';
import { allWorks, selectWorks } from './works.js';

const USAGE = 'usage: main.js [--only PART[,PART]] [--threads N] [--budget SECONDS] [--list]';

/** Prints one JSON record a line for each work that `--only` selects. */
async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', default: '' },
      threads: { type: 'string', default: '2' },
      budget: { type: 'string', default: '1.5' },
      list: { type: 'boolean', default: false },
    },
  });
  const threads = positive('--threads', values.threads);
  const budgetSeconds = positive('--budget', values.budget);
  setThreads(threads);
  const works = selectWorks(
    allWorks(),
    values.only.split(',').filter((part) => part !== ''),
  );
  for (const work of works) {
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
