import { expect, test } from 'vitest';
import { withRetries } from './retry.js';

/** Fails a number of times, then succeeds; keeps the waits instead of waiting. */
function flaky(failures: number) {
  const waits: number[] = [];
  let calls = 0;
  return {
    waits,
    calls: () => calls,
    task: async () => {
      calls++;
      if (calls <= failures) throw new Error(`failure ${calls}`);
      return 'done';
    },
    sleep: async (ms: number) => void waits.push(ms),
  };
}

test('waits double, lie in the upper half of their range, and are capped', async () => {
  const { task, sleep, waits } = flaky(6);
  const options = { maxRetries: 6, judge: () => ({}), sleep, baseDelayMs: 100, maxDelayMs: 1000 };
  expect(await withRetries(task, { ...options, random: () => 0 })).toBe('done');
  expect(waits).toEqual([50, 100, 200, 400, 800, 1000]);
  const upper = flaky(2);
  await withRetries(upper.task, { ...options, sleep: upper.sleep, random: () => 0.999 });
  expect(upper.waits.map(Math.round)).toEqual([100, 200]);
});

test('a wait that was asked for is a lower bound', async () => {
  const { task, sleep, waits } = flaky(1);
  await withRetries(task, { maxRetries: 1, judge: () => ({ retryAfterMs: 7000 }), sleep, random: () => 0 });
  expect(waits).toEqual([7000]);
});

test('the last error is passed on when the tries are used up, or none can help', async () => {
  const { task, sleep, calls } = flaky(9);
  await expect(withRetries(task, { maxRetries: 2, judge: () => ({}), sleep })).rejects.toThrow('failure 3');
  expect(calls()).toBe(3);
  const final = flaky(9);
  await expect(withRetries(final.task, { maxRetries: 5, judge: () => false, sleep })).rejects.toThrow('failure 1');
});

test('an abort ends a wait', async () => {
  const controller = new AbortController();
  const running = withRetries(() => Promise.reject(new Error('no')), {
    maxRetries: 3,
    judge: () => ({ retryAfterMs: 60_000 }),
    signal: controller.signal,
    onRetry: () => queueMicrotask(() => controller.abort(new Error('stopped'))),
  });
  await expect(running).rejects.toThrow('stopped');
});
