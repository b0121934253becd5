import { lcsLengths } from '@parl-mt/native';
import { mix } from './inputs.js';
import type { Work } from './measure.js';

const PAIRS = 1000;
const LENGTH = 200;
const VOCABULARY = 500;

/** Longest common subsequences of 1000 pairs of 200 tokens, half of each pair alike. */
export function redundancyWorks(): Work[] {
  return [
    {
      name: `lcs/${PAIRS}x${LENGTH}`,
      item: 'pair',
      items: PAIRS,
      bytes: PAIRS * LENGTH * 4 * 2,
      flops: 0,
      prepare: () => {
        const a = Int32Array.from({ length: PAIRS * LENGTH }, (_, i) => mix(i, 51) % VOCABULARY);
        const b = a.map((token, i) => (i % 2 === 0 ? token : mix(i, 52) % VOCABULARY));
        const offsets = Int32Array.from({ length: PAIRS + 1 }, (_, pair) => pair * LENGTH);
        let lengths = new Int32Array();
        return {
          run: () => {
            lengths = lcsLengths({ tokens: a, offsets }, { tokens: b, offsets }) as typeof lengths;
          },
          check: () => lengths.reduce((sum, length) => sum + length, 0),
        };
      },
    },
  ];
}
