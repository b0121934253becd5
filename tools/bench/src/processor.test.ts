import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ThreadClock, vectorSet } from './processor.js';

test.each([
  ['flags\t\t: fpu sse avx2 fma', 'avx2'],
  ['flags\t\t: fpu sse', 'sse'],
  ['flags\t\t: fma avx2 avx512f avx512bw avx512vl', 'avx512'],
  ['flags\t\t: fma avx2 avx512f avx512bw avx512vl avx512_bf16 amx_bf16', 'avx512+bf16+amx'],
  ['Features\t: asimd', 'unknown'],
])('the vector set of a processor with %s', (line, expected) => {
  expect(vectorSet(`processor : 0\n${line}\nbugs : none`)).toBe(expected);
});

test.skipIf(!existsSync('/proc/self/task'))(
  'a clock counts what the busiest thread spends, from start to start',
  () => {
    const clock = new ThreadClock();
    const spent = (): number => {
      clock.start();
      const end = performance.now() + 60;
      while (performance.now() < end);
      return clock.busiest();
    };
    for (const milliseconds of [spent(), spent()]) {
      expect(milliseconds).toBeGreaterThan(0);
      expect(milliseconds).toBeLessThan(120); // not what was spent before
    }
    clock.close();
  },
);
