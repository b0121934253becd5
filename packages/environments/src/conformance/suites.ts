import { bfclSuite } from '../bfcl/conformance.js';
import { tauBenchSuite } from '../tau-bench/conformance/suite.js';
import type { ConformanceSuite } from './suite.js';

/** Every benchmark with recorded runs of its reference, in the order of the report. */
export const conformanceSuites: readonly ConformanceSuite[] = [bfclSuite, tauBenchSuite];
