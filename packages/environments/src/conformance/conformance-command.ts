import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ParlError, UsageError } from '@parl-mt/schema';
import { formatConformance } from './format-conformance.js';
import { runConformance } from './run-conformance.js';
import { conformanceSuites } from './suites.js';

const USAGE = `usage: npm run conformance -- [--data DIR] [--suite NAME] [--json]

  --data DIR    folder with one folder per benchmark: ${conformanceSuites.map(({ name }) => `${name}/`).join(', ')}
                (default: PARL_MT_SHARED, or "shared" beside the project)
  --suite NAME  run one benchmark only
  --json        print the report as JSON

Exit code: 0 conforming, 1 below the required rates, 2 wrong usage or malformed data.`;

/** Runs the command; returns the exit code. */
async function main(args: string[]): Promise<number> {
  try {
    const { values } = parseArgs({
      args,
      options: {
        data: { type: 'string' },
        suite: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      console.log(USAGE);
      return 0;
    }
    const suites = conformanceSuites.filter(({ name }) => values.suite === undefined || name === values.suite);
    if (suites.length === 0) throw new UsageError(`expected a known --suite, received ${values.suite}`);
    const report = await runConformance(values.data ?? defaultDirectory(), suites);
    console.log(values.json ? JSON.stringify(report, null, 2) : formatConformance(report));
    return report.isPassing ? 0 : 1;
  } catch (error) {
    const isUsage = error instanceof ParlError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS');
    if (!isUsage) throw error;
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
}

function defaultDirectory(): string {
  const fromEnvironment = process.env.PARL_MT_SHARED;
  if (fromEnvironment !== undefined && existsSync(fromEnvironment)) return fromEnvironment;
  return fileURLToPath(new URL('../../../../../shared', import.meta.url));
}

process.exitCode = await main(process.argv.slice(2));
