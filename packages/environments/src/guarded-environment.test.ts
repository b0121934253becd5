import { RolloutError, type Task, type ToolCall, type ToolResult, UsageError } from '@parl-mt/schema';
import { expect, test, vi } from 'vitest';
import { BfclEnvironment } from './bfcl/bfcl-environment.js';
import type { Environment } from './environment.js';
import { GuardedEnvironment } from './guarded-environment.js';

const task: Task = {
  id: 'guarded',
  environment: 'foreign',
  category: 'test',
  involvedClasses: [],
  initialConfig: '{}',
  tools: [],
  turns: [{ messages: [], groundTruth: [] }],
};
const call: ToolCall = { name: 'tool', arguments: '{}' };

/** A world whose call does what the test says. */
function world(
  answer: (call: ToolCall, signal?: AbortSignal) => unknown,
  rest: Partial<Environment> = {},
): Environment {
  return {
    supportsSnapshots: false,
    tools: () => [],
    reset: () => {},
    call: answer as Environment['call'],
    snapshot: () => {
      throw new UsageError('no snapshots');
    },
    restore: () => {},
    digest: () => {
      throw new UsageError('no digests');
    },
    close: () => {},
    ...rest,
  };
}

async function started(inner: Environment, limits = {}): Promise<GuardedEnvironment> {
  const guarded = new GuardedEnvironment(inner, limits);
  await guarded.reset(task, 1);
  return guarded;
}

test('a good result passes through unchanged, at once where the world answers at once', async () => {
  const good: ToolResult = { content: 'fine', isError: false };
  expect((await started(world(() => good))).call(call)).toEqual(good);
  expect(await (await started(world(async () => good))).call(call)).toEqual(good);
});

test('errors of the policy keep their fault and cause', async () => {
  const refused: ToolResult = { content: 'no such file', isError: true, fault: 'policy', cause: 'tool_error' };
  expect((await started(world(() => refused))).call(call)).toEqual(refused);
  const unsaid = { content: 'no such file', isError: true };
  expect((await started(world(() => unsaid))).call(call)).toEqual({ ...unsaid, fault: 'policy' });
});

test.each([
  [
    'throws',
    () => {
      throw new Error('boom');
    },
  ],
  [
    'rejects',
    async () => {
      throw new Error('boom');
    },
  ],
])('a tool that %s is an error result, and the next call works', async (_, explode) => {
  const answers = [explode, () => ({ content: 'ok', isError: false })];
  const guarded = await started(world(() => answers.shift()!()));
  const result = await guarded.call(call);
  expect(result).toMatchObject({
    content: 'Error during execution: boom',
    isError: true,
    fault: 'environment',
    cause: 'exception',
  });
  expect(result.detail).toContain('guarded-environment.test.ts');
  expect(await guarded.call(call)).toEqual({ content: 'ok', isError: false });
});

test.each([
  [
    'a string',
    () => {
      throw 'text';
    },
    'text',
  ],
  [
    'nothing',
    () => {
      throw undefined;
    },
    'undefined',
  ],
  [
    'an object whose text throws',
    () => {
      throw {
        toString() {
          throw new Error('no');
        },
      };
    },
    'a value was thrown that has no text',
  ],
])('what is thrown may be %s', async (_, explode, message) => {
  const result = await (await started(world(explode))).call(call);
  expect(result).toMatchObject({ content: `Error during execution: ${message}`, cause: 'exception' });
});

test.each([
  ['undefined', undefined],
  ['null', null],
  ['a number', 5],
  ['a text', 'text'],
  ['an array', []],
  ['content that is no text', { content: { a: 1 }, isError: false }],
  ['no isError', { content: 'x' }],
  ['a cause that is no text', { content: 'x', isError: true, cause: 7 }],
  [
    'a field that throws when it is read',
    {
      get content() {
        throw new Error('trap');
      },
      isError: false,
    },
  ],
  ['a promise of garbage', Promise.resolve({ contents: 'x' })],
])('%s for a result is an invalid result, the fault of the environment', async (_, garbage) => {
  const result = await (await started(world(() => garbage))).call(call);
  expect(result).toMatchObject({ isError: true, fault: 'environment', cause: 'invalid_result' });
  expect(result.content).toMatch(/^Error during execution: /);
});

test('keys that a result has besides ours do not get through', async () => {
  const result = await (
    await started(world(() => JSON.parse('{"content":"x","isError":false,"__proto__":{"a":1},"b":2}')))
  ).call(call);
  expect(Object.keys(result)).toEqual(['content', 'isError']);
  expect(({} as { a?: number }).a).toBeUndefined();
});

test('a flood is cut at a character, with a note, within the limit', async () => {
  const guarded = await started(
    world(() => ({ content: 'é'.repeat(1_000_000), isError: false })),
    { maxResultBytes: 1000 },
  );
  const result = await guarded.call(call);
  expect(result).toMatchObject({ isError: true, fault: 'environment', cause: 'output_limit', detail: '2000000 bytes' });
  expect(Buffer.byteLength(result.content)).toBeLessThanOrEqual(1000);
  expect(result.content).toMatch(/^é+\n\[cut: the result has 2000000 bytes, 1000 fit\]$/);
});

test('a result of exactly the limit passes, one byte more does not', async () => {
  const guarded = await started(
    world(({ name }) => ({ content: name, isError: false })),
    { maxResultBytes: 256 },
  );
  expect((await guarded.call({ name: 'x'.repeat(256), arguments: '{}' })).isError).toBe(false);
  expect((await guarded.call({ name: 'x'.repeat(257), arguments: '{}' })).cause).toBe('output_limit');
});

test('a hang ends at the deadline: the call is cancelled and the episode goes on', async () => {
  vi.useFakeTimers();
  try {
    let cancelled = false;
    const guarded = await started(
      world(({ name }, signal) => {
        if (name === 'echo') return { content: 'ok', isError: false };
        signal?.addEventListener('abort', () => {
          cancelled = true;
        });
        return new Promise(() => {});
      }),
      { callTimeoutMs: 1000 },
    );
    const pending = guarded.call(call);
    await vi.advanceTimersByTimeAsync(999);
    expect(cancelled).toBe(false);
    await vi.advanceTimersByTimeAsync(2);
    expect(await pending).toEqual({
      content: 'Error during execution: no result within 1000 ms',
      isError: true,
      fault: 'environment',
      cause: 'call_deadline',
    });
    expect(cancelled).toBe(true);
    expect(await guarded.call({ name: 'echo', arguments: '{}' })).toEqual({ content: 'ok', isError: false });
  } finally {
    vi.useRealTimers();
  }
});

test('what a cancelled call says at once about its end is the result', async () => {
  const said: ToolResult = {
    content: 'garbage on stdout',
    isError: true,
    fault: 'environment',
    cause: 'invalid_result',
  };
  const guarded = await started(
    world((_, signal) => new Promise((resolve) => signal?.addEventListener('abort', () => resolve(said)))),
    { callTimeoutMs: 5 },
  );
  expect(await guarded.call(call)).toEqual(said);
});

test('a result that comes after its deadline is dropped, also where it is a failure', async () => {
  let fail: (error: Error) => void = () => {};
  const guarded = await started(
    world(
      () =>
        new Promise((_, reject) => {
          fail = reject;
        }),
    ),
    { callTimeoutMs: 5 },
  );
  expect((await guarded.call(call)).cause).toBe('call_deadline');
  fail(new Error('late')); // an unhandled rejection would fail this test run
  await new Promise((resolve) => setTimeout(resolve, 5));
});

test('the calls of an episode share one deadline, which the next reset renews', async () => {
  vi.useFakeTimers();
  try {
    const guarded = await started(
      world(() => new Promise((resolve) => setTimeout(() => resolve({ content: 'slow', isError: false }), 400))),
      { callTimeoutMs: 1000, episodeTimeoutMs: 1000 },
    );
    const timed = async () => {
      const pending = guarded.call(call);
      await vi.advanceTimersByTimeAsync(400);
      return pending;
    };
    expect((await timed()).content).toBe('slow');
    await vi.advanceTimersByTimeAsync(60_000); // the policy thinks: its time does not count
    expect((await timed()).content).toBe('slow');
    expect(await timed()).toMatchObject({ fault: 'environment', cause: 'episode_deadline' });
    expect(await guarded.call(call)).toMatchObject({ fault: 'environment', cause: 'episode_deadline' });
    await guarded.reset(task, 1);
    expect((await timed()).content).toBe('slow');
  } finally {
    vi.useRealTimers();
  }
});

test('a caller that stops waiting gets a result at once, and the call is cancelled', async () => {
  let cancelled = 0;
  const guarded = await started(
    world(
      (_, signal) =>
        new Promise(() => {
          signal?.addEventListener('abort', () => {
            cancelled += 1;
          });
        }),
    ),
  );
  const controller = new AbortController();
  const pending = guarded.call(call, controller.signal);
  controller.abort(new Error('the run was stopped'));
  const expected = { cause: 'call_deadline', fault: 'environment', detail: 'the run was stopped' };
  expect(await pending).toMatchObject(expected);
  expect(await guarded.call(call, controller.signal)).toMatchObject(expected);
  expect(cancelled).toBe(1);
});

test('a reset that fails or hangs closes the world and says which boundary failed', async () => {
  const close = vi.fn();
  const failing = new GuardedEnvironment(
    world(() => null, { reset: () => Promise.reject(new Error('no server')), close }),
  );
  await expect(failing.reset(task, 1)).rejects.toThrow('the environment did not start: no server');
  await expect(failing.reset(task, 1)).rejects.toBeInstanceOf(RolloutError);
  const hanging = new GuardedEnvironment(
    world(() => null, { reset: () => new Promise(() => {}), close }),
    { resetTimeoutMs: 5 },
  );
  await expect(hanging.reset(task, 1)).rejects.toThrow('longer than 5 ms (limits.resetTimeoutMs)');
  expect(close).toHaveBeenCalledTimes(3);
});

test('a task that does not fit is the error of the caller', async () => {
  const guarded = new GuardedEnvironment(new BfclEnvironment());
  await expect(guarded.reset({ ...task, involvedClasses: ['Nothing'] }, 1)).rejects.toThrow(
    'task guarded: expected involvedClasses',
  );
});

test('without digests every call may have changed the state', async () => {
  const guarded = await started(world(() => ({ content: '', isError: false })));
  const before = guarded.digest();
  expect(guarded.digest()).toBe(before);
  await guarded.call(call);
  expect(guarded.digest()).not.toBe(before);
  expect(() => guarded.snapshot()).toThrow('no snapshots');
});

test('closing never throws', async () => {
  await new GuardedEnvironment(
    world(() => null, {
      close: () => {
        throw new Error('stuck');
      },
    }),
  ).close();
  await new GuardedEnvironment(world(() => null, { close: () => Promise.reject(new Error('stuck')) })).close();
});
