import type { Task, ToolResult } from '@parl-mt/schema';
import { expect, test } from 'vitest';
import { DelayedEnvironment } from './delayed-environment.js';
import type { Environment } from './environment.js';

function world(): Environment & { readonly called: string[] } {
  const called: string[] = [];
  return {
    called,
    supportsSnapshots: false,
    tools: () => [],
    reset: (_task: Task) => undefined,
    call: ({ name }): ToolResult => {
      called.push(name);
      return { content: name, isError: false };
    },
    snapshot: () => undefined,
    restore: () => undefined,
    digest: () => '',
    close: () => undefined,
  };
}

test('only the named functions answer late, and others overtake them', async () => {
  const inner = world();
  const delayed = new DelayedEnvironment(inner, ['slow'], 30);
  const slow = delayed.call({ name: 'slow', arguments: '{}' });
  await delayed.call({ name: 'quick', arguments: '{}' });
  expect(inner.called).toEqual(['quick']);
  expect(await slow).toEqual({ content: 'slow', isError: false });
  expect(inner.called).toEqual(['quick', 'slow']);
});

test('a call given up while it waits is never made', async () => {
  const inner = world();
  const controller = new AbortController();
  const call = new DelayedEnvironment(inner, ['slow'], 60_000).call(
    { name: 'slow', arguments: '{}' },
    controller.signal,
  );
  controller.abort();
  await expect(call).rejects.toThrow();
  expect(inner.called).toEqual([]);
});
