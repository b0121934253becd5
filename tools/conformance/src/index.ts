/**
 * Compares this project's functions with recorded outputs of verl, TRL, rouge_score, SciPy and others.
 *
 * @example
 * import { conformanceTable, fixtureFiles, Fixtures, runConformance } from '@parl-mt/conformance';
 * console.log(conformanceTable(await runConformance(new Fixtures('../shared'), fixtureFiles)));
 */
export { Fixtures } from './fixture.js';
export { fixtureFiles } from './fixture-files.js';
export { type ConformanceReport, type FileReport, runConformance } from './report.js';
export { conformanceTable } from './table.js';
