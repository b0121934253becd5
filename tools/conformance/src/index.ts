/**
 * Compares this project's functions with recorded outputs of verl, TRL, rouge_score, SciPy and others.
 *
 * @example
 * import { conformanceTable, fixtureFiles, Fixtures, runConformance } from '@parl-mt/conformance';
 * console.log(conformanceTable(await runConformance(new Fixtures('../shared'), fixtureFiles)));
 */
export { Fixtures } from './fixture.js';
export { fixtureFiles } from './fixture-files.js';
export type { Ledger, LedgerRow } from './models/ledger.js';
export { ModelFixtures } from './models/model-fixtures.js';
export { type ModelReport, modelTable, runModelConformance } from './models/report.js';
export type { ModelSection, SectionOptions } from './models/section.js';
export { modelSections } from './models/sections.js';
export { type ConformanceReport, type FileReport, runConformance } from './report.js';
export { conformanceTable } from './table.js';
