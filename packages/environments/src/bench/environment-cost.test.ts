import { expect, test } from 'vitest';
import { apiClassNames } from '../bfcl/registry.js';
import { formatEnvironmentCost, measureEnvironmentCost } from './environment-cost.js';

test('every class has a scenario whose calls succeed, and a cost', () => {
  const costs = measureEnvironmentCost(1);
  expect(costs.map(({ className }) => className)).toEqual([...apiClassNames, 'all eight']);
  for (const { call, reset } of costs) expect(Math.min(call, reset)).toBeGreaterThan(0);
  expect(formatEnvironmentCost(costs).split('\n')).toHaveLength(costs.length + 1);
});
