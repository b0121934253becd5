import { parseArgs } from 'node:util';
import { ParlError, UsageError } from '@parl-mt/schema';
import { formatConformance, runConformance } from './conformance.js';

const USAGE = `usage: npm run conformance -- --data DIR [--classes A,B] [--json]

  --data DIR     folder with data/ and traces/ of the benchmark
  --classes A,B  classes under test (default: all implemented)
  --json         print the report as JSON`;

/** Runs the command; returns the exit code: 0 conforming, 1 not, 2 wrong usage. */
function main(args: string[]): number {
  try {
    const { values } = parseArgs({
      args,
      options: {
        data: { type: 'string' },
        classes: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      console.log(USAGE);
      return 0;
    }
    if (values.data === undefined) throw new UsageError(`expected --data DIR, received none\n${USAGE}`);
    const options = values.classes === undefined ? {} : { classes: values.classes.split(',') };
    const report = runConformance(values.data, options);
    console.log(values.json ? JSON.stringify(report, null, 2) : formatConformance(report));
    return report.isPassing ? 0 : 1;
  } catch (error) {
    const isUsage = error instanceof ParlError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS');
    if (!isUsage) throw error;
    console.error((error as Error).message);
    return 2;
  }
}

process.exitCode = main(process.argv.slice(2));
