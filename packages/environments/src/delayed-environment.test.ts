import type { Task, ToolResult } from '@parl-mt/schema';
import { expect, test } from 'vitest';
import { BfclEnvironment } from './bfcl/bfcl-environment.js';
import { DelayedEnvironment } from './delayed-environment.js';
import type { Environment } from './environment.js';
import { GuardedEnvironment } from './guarded-environment.js';

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

test('under the guard a late answer passes, one that is too late is the environment’s fault and changes nothing', async () => {
  const inner = world();
  const patient = new GuardedEnvironment(new DelayedEnvironment(inner, ['slow'], 20), { callTimeoutMs: 5000 });
  expect(await patient.call({ name: 'slow', arguments: '{}' })).toEqual({ content: 'slow', isError: false });
  const hurried = new GuardedEnvironment(new DelayedEnvironment(inner, ['slow'], 60_000), { callTimeoutMs: 30 });
  expect(await hurried.call({ name: 'slow', arguments: '{}' })).toMatchObject({
    isError: true,
    fault: 'environment',
    cause: 'call_deadline',
  });
  expect(await hurried.call({ name: 'quick', arguments: '{}' })).toEqual({ content: 'quick', isError: false });
  expect(inner.called).toEqual(['slow', 'quick']);
});

test('everything but the time is the world’s own: tools, snapshots, digests, errors, the end', async () => {
  const bfcl = new BfclEnvironment();
  const delayed = new DelayedEnvironment(bfcl, ['mkdir'], 1);
  const task: Task = {
    id: 'delayed',
    environment: 'bfcl',
    category: 'test',
    involvedClasses: ['GorillaFileSystem'],
    initialConfig: '{}',
    tools: [],
    turns: [{ messages: [], groundTruth: [] }],
  };
  await delayed.reset(task, 1);
  expect(delayed.supportsSnapshots).toBe(true);
  expect(delayed.tools()).toEqual(bfcl.tools());
  const before = delayed.snapshot();
  const digest = delayed.digest();
  expect(await delayed.call({ name: 'mkdir', arguments: '{"dir_name": "late"}' })).toMatchObject({ isError: false });
  expect(delayed.digest()).not.toBe(digest);
  expect(delayed.digest()).toBe(bfcl.digest());
  expect(await delayed.call({ name: 'mkdir', arguments: '{"dir_name": "late"}' })).toMatchObject({
    isError: true,
    fault: 'policy',
  });
  delayed.restore(before);
  expect(bfcl.digest()).toBe(digest);
  await delayed.close();
});
