import { describe, expect, test } from 'vitest';
import { Fixtures } from './fixture.js';
import { fixtureFiles } from './fixture-files.js';
import { type FileReport, runConformance } from './report.js';
import { sharedData } from './shared-data.testing.js';
import { conformanceTable } from './table.js';

const data = sharedData();

/** Every seventh case: the whole is `npm run conformance:rl`. */
const SLICE = 7;

describe.skipIf(data === undefined)('recorded outputs of other packages', () => {
  test.each(fixtureFiles.map((file) => [file.file, file] as const))('%s matches', async (_, file) => {
    const report = await runConformance(new Fixtures(data!), [file], (__, index) => index % SLICE === 0);
    const [{ cases, matched, leftOut, mismatches }] = report.files as [FileReport];
    expect(mismatches, conformanceTable(report)).toEqual([]);
    expect(cases).toBeGreaterThan(0);
    // Nothing matched is no agreement, but for a file of which nothing is compared.
    expect(matched > 0 || leftOut.length === cases, conformanceTable(report)).toBe(true);
  });
});
