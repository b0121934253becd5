/**
 * Times this project's works and prints records that stand beside those of other libraries.
 *
 * @example
 * import { allWorks, measure, selectWorks } from '@parl-mt/bench';
 * const [work] = selectWorks(allWorks(), ['lcs/']);
 * const record = await measure(work!, { peer: 'ours', threads: 2, budgetSeconds: 1 });
 * console.log(record.work, Math.min(...record.ms), record.check);
 */
export { type BenchRecord, type MeasureOptions, measure, type Prepared, type Work } from './measure.js';
export { allWorks, selectWorks } from './works.js';
