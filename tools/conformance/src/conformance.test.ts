import { describe, expect, test } from 'vitest';
import { Fixtures } from './fixture.js';
import { fixtureFiles } from './fixture-files.js';
import { runConformance } from './report.js';
import { sharedData } from './shared-data.testing.js';
import { conformanceTable } from './table.js';

const data = sharedData();

/** Every seventh case: the whole is `npm run conformance:rl`. */
const SLICE = 7;

describe.skipIf(data === undefined)('recorded outputs of other packages', () => {
  test.each(fixtureFiles.map((file) => [file.file, file] as const))('%s matches', async (_, file) => {
    const report = await runConformance(new Fixtures(data!), [file], (__, index) => index % SLICE === 0);
    expect(report.isPassing, conformanceTable(report)).toBe(true);
  });
});
