import { parseArgs } from 'node:util';
import { ParlError, synthesisConfigSchema, UsageError } from '@parl-mt/schema';
import { synthesisClasses } from './scenario.js';
import { synthesizeTasks } from './synthesize.js';
import { formatValidity, validityReport } from './validity.js';

const CATEGORIES = ['base', 'miss_param', 'miss_func', 'long_context'];

const USAGE = `usage: npm run validity -- [--tasks N] [--seed S] [--classes A,B] [--categories A,B] [--turns MIN-MAX] [--max-classes N]

  Draws tasks and checks them independently of how they were made: every ground truth replays and passes the checker, every
  argument can be known, no message tells a result early, no two tasks are equal, every category keeps its promise.

  --tasks N          default 3000
  --classes A,B      default all: ${synthesisClasses.join(',')}
  --categories A,B   default all: ${CATEGORIES.join(',')}
  --turns MIN-MAX    default 2-8
  --max-classes N    default 4
  --json             print the report as JSON

Exit code 1 for any problem.`;

/** Runs the command; returns the exit code. */
function main(args: string[]): number {
  const { values } = parseArgs({
    args,
    options: {
      tasks: { type: 'string', default: '3000' },
      seed: { type: 'string', default: '1' },
      classes: { type: 'string', default: synthesisClasses.join(',') },
      categories: { type: 'string', default: CATEGORIES.join(',') },
      turns: { type: 'string', default: '2-8' },
      'max-classes': { type: 'string', default: '4' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const [minTurns, maxTurns] = values.turns.split('-').map(Number);
  const config = synthesisConfigSchema.safeParse({
    tasks: Number(values.tasks),
    seed: Number(values.seed),
    classes: values.classes.split(','),
    categories: values.categories.split(','),
    maxClasses: Number(values['max-classes']),
    minTurns,
    maxTurns,
  });
  if (!config.success) throw new UsageError(config.error.message);
  const report = validityReport(synthesizeTasks(config.data));
  console.log(values.json ? JSON.stringify(report, null, 2) : formatValidity(report));
  return report.isValid ? 0 : 1;
}

try {
  process.exitCode = main(process.argv.slice(2));
} catch (error) {
  const isUsage = error instanceof ParlError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS');
  if (!isUsage) throw error;
  console.error(`${(error as Error).message}\n\n${USAGE}`);
  process.exitCode = 2;
}
