import { expect, test } from 'vitest';
import { vectorSet } from './processor.js';

test.each([
  ['flags\t\t: fpu sse avx2 fma', 'avx2'],
  ['flags\t\t: fpu sse', 'sse'],
  ['flags\t\t: fma avx2 avx512f avx512bw avx512vl', 'avx512'],
  ['flags\t\t: fma avx2 avx512f avx512bw avx512vl avx512_bf16 amx_bf16', 'avx512+bf16+amx'],
  ['Features\t: asimd', 'unknown'],
])('the vector set of a processor with %s', (line, expected) => {
  expect(vectorSet(`processor : 0\n${line}\nbugs : none`)).toBe(expected);
});
