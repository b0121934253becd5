import { describe, expect, test } from 'vitest';
import { peakMemory, resetPeakMemory, residentMemory } from './memory.js';

describe.runIf(resetPeakMemory())('peakMemory', () => {
  test('rises by what is touched, and stays when it is gone', () => {
    resetPeakMemory();
    const before = residentMemory();
    let block: Uint8Array | undefined = new Uint8Array(64e6).fill(1);
    const raised = peakMemory() - before;
    expect(raised).toBeGreaterThan(60e6);
    expect(raised).toBeLessThan(200e6);
    block = undefined;
    expect(block).toBeUndefined();
    expect(peakMemory() - before).toBeGreaterThanOrEqual(raised);
  });
});
