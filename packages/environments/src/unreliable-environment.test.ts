import type { Task, ToolCall, ToolResult } from '@parl-mt/schema';
import { expect, test } from 'vitest';
import { BfclEnvironment } from './bfcl/bfcl-environment.js';
import { UNAVAILABLE_CONTENT, UnreliableEnvironment } from './unreliable-environment.js';

const task = (id: string): Task => ({
  id,
  environment: 'bfcl',
  category: 'test',
  involvedClasses: ['GorillaFileSystem'],
  initialConfig: '{}',
  tools: [],
  turns: [{ messages: [], groundTruth: [] }],
});
const touch = (index: number): ToolCall => ({ name: 'touch', arguments: `{"file_name": "f${index}"}` });

/** Which of the first calls of a task fail. */
async function failures(id: string, rate: number, calls = 40): Promise<boolean[]> {
  const environment = new UnreliableEnvironment(new BfclEnvironment(), rate);
  await environment.reset(task(id), 1);
  const results: ToolResult[] = [];
  for (let index = 0; index < calls; index += 1) results.push(await environment.call(touch(index)));
  return results.map(({ cause }) => cause === 'unavailable');
}

test('a call that fails in transit is not executed, and may be made again', async () => {
  const environment = new UnreliableEnvironment(new BfclEnvironment(), 0.5);
  await environment.reset(task('transit'), 1);
  let failed = 0;
  for (let index = 0; index < 20; index += 1) {
    const before = environment.digest();
    let result = await environment.call(touch(index));
    while (result.cause === 'unavailable') {
      failed += 1;
      expect(result).toEqual({
        content: UNAVAILABLE_CONTENT,
        isError: true,
        fault: 'environment',
        cause: 'unavailable',
      });
      expect(environment.digest()).toBe(before);
      result = await environment.call(touch(index));
    }
    expect(result.isError).toBe(false);
    expect(environment.digest()).not.toBe(before);
  }
  expect(failed).toBeGreaterThan(0);
});

test('the same task fails in the same places, another task in others', async () => {
  expect(await failures('a', 0.3)).toEqual(await failures('a', 0.3));
  expect(await failures('a', 0.3)).not.toEqual(await failures('b', 0.3));
});

test('the rate is kept over many tasks: within four standard errors of 0.2', async () => {
  let count = 0;
  for (let index = 0; index < 100; index += 1) {
    count += (await failures(`task ${index}`, 0.2)).filter(Boolean).length;
  }
  // 4,000 draws: sqrt(0.2 * 0.8 / 4000) = 0.0063.
  expect(Math.abs(count / 4000 - 0.2)).toBeLessThan(4 * 0.0064);
});

test('a restored snapshot meets the same failures again', async () => {
  const environment = new UnreliableEnvironment(new BfclEnvironment(), 0.5);
  await environment.reset(task('snapshot'), 1);
  await environment.call(touch(0));
  const snapshot = environment.snapshot();
  const first = await Promise.all(Array.from({ length: 10 }, (_, i) => environment.call(touch(i + 1))));
  environment.restore(snapshot);
  expect(await Promise.all(Array.from({ length: 10 }, (_, i) => environment.call(touch(i + 1))))).toEqual(first);
});

test.each([-0.1, 1.1, Number.NaN])('a rate of %d is refused', (rate) => {
  expect(() => new UnreliableEnvironment(new BfclEnvironment(), rate)).toThrow('expected faultRate in [0, 1]');
});
