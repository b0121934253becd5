import { describe, expect, test } from 'vitest';
import { labels, logits, mix, uniform } from './inputs.js';

// Expected values: common.mix, common.uniform, common.logits and common.labels of the peers' kit (NumPy 2).
describe('inputs', () => {
  test('mix is the same as in the Python programs', () => {
    expect([mix(0, 1), mix(1, 1), mix(12345, 82), mix(0, 0)]).toEqual([2462723854, 2527132011, 68303881, 0]);
  });
  test('uniform, logits and labels too', () => {
    expect([...uniform(3, 11)]).toEqual([0.5682408213615417, 0.4819546937942505, 0.07005727291107178]);
    expect([...logits(1, 3)]).toEqual([3.11803936958313, -0.09489762783050537, -1.1073106527328491]);
    expect([...labels(4, 2048, 81)]).toEqual([565, 57, 1133, 1615]);
  });
});
