import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Fixtures } from './fixture.js';
import { fixtureFiles } from './fixture-files.js';
import { runConformance } from './report.js';
import { conformanceTable } from './table.js';

const USAGE = `usage: npm run conformance:rl -- [--data DIR] [--only PART[,PART]] [--json]

  --data DIR     folder with fixtures/rl (default: PARL_MT_SHARED, or "shared" beside the project)
  --only PART    files whose name contains a part
  --json         print the report as JSON

exit code: 0 conforming, 1 something that should match does not, 2 wrong usage`;

async function main(args: string[]): Promise<number> {
  const project = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
  const { values } = parseArgs({
    args,
    options: {
      data: { type: 'string', default: process.env['PARL_MT_SHARED'] ?? path.resolve(project, '../shared') },
      only: { type: 'string', default: '' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const fixtures = new Fixtures(values.data);
  const parts = values.only.split(',').filter((part) => part !== '');
  const chosen = fixtureFiles.filter(({ file }) => parts.length === 0 || parts.some((part) => file.includes(part)));
  if (!chosen.some(({ file }) => fixtures.has(file))) {
    console.error(`expected fixture files in ${path.join(values.data, 'fixtures/rl')}, found none of ours\n${USAGE}`);
    return 2;
  }
  const report = await runConformance(fixtures, chosen);
  console.log(values.json ? JSON.stringify(report, null, 2) : conformanceTable(report));
  return report.isPassing ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS')) throw error;
  console.error(`${(error as Error).message}\n${USAGE}`);
  process.exitCode = 2;
}
