import { afterAll, describe, expect, test } from 'vitest';
import { type IsaName, nativeInfo, setIsa, setThreads } from './index.js';

const before = nativeInfo();
afterAll(() => {
  setIsa(before.isa);
  setThreads(before.threads);
});

describe('nativeInfo', () => {
  test.each(['portable', 'avx2', 'avx512'] as IsaName[])('forcing %s works where the CPU has it', (isa) => {
    if (before.isas.includes(isa)) {
      setIsa(isa);
      expect(nativeInfo().isa).toBe(isa);
    } else {
      console.log(`${isa}: skipped, this CPU does not have it`);
      expect(() => setIsa(isa)).toThrow(/expected an instruction set of/);
    }
  });

  test('a thread count outside 1..256 is refused', () => {
    expect(() => setThreads(0)).toThrow('expected a thread count in 1..256, received 0');
    setThreads(3);
    expect(nativeInfo().threads).toBe(3);
  });
});
