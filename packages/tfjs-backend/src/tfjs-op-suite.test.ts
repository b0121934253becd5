import { expect, test, vi } from 'vitest';
import { runOpSuite } from './op-suite.testing.js';

test('tfjs-core’s own op suite passes on backend parl', { timeout: 300_000 }, async () => {
  for (const method of ['log', 'warn', 'error'] as const) vi.spyOn(console, method).mockImplementation(() => undefined);
  const { passed, failures } = await runOpSuite('parl');
  expect(failures).toEqual([]);
  // Backend cpu passes 4,227: `npm run test:tfjs-suite` counts both.
  expect(passed).toBeGreaterThanOrEqual(4227);
});
