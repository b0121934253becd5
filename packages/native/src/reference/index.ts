/**
 * What each native function computes, in plain TypeScript: the oracle of the property tests, and readable formulas.
 *
 * @example
 * import { groupAdvantagesReference } from '@parl-mt/native/reference';
 * groupAdvantagesReference([1, 2, 3], Int32Array.of(0, 0, 0), { estimator: 'dr_grpo' }); // Float64Array [-1, 0, 1]
 */
export { broadcastToTokensReference, groupAdvantagesReference } from './group-advantage.js';
export { logitsRowReference } from './logits.js';
export { lcsLengthReference, ngramContainmentReference } from './redundancy.js';
export { hashTextReference, repeatedCallsReference } from './repeated-calls.js';
