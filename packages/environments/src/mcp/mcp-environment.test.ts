import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type McpServerConfig, mcpServerConfigSchema, type Task } from '@parl-mt/schema';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createEnvironment } from '../create-environment.js';
import { GuardedEnvironment } from '../guarded-environment.js';
import { McpEnvironment } from './mcp-environment.js';

const script = fileURLToPath(new URL('./awkward-server.testing.mjs', import.meta.url));
const configOf = (args: string[] = [], rest = {}): McpServerConfig =>
  mcpServerConfigSchema.parse({ transport: 'stdio', command: process.execPath, args: [script, ...args], ...rest });
const task: Task = {
  id: 'awkward',
  environment: 'mcp',
  category: 'test',
  involvedClasses: [],
  initialConfig: '{}',
  tools: [],
  turns: [{ messages: [], groundTruth: [] }],
};
const tool = (name: string) => ({ name, description: '', parameters: { type: 'object' } });
const call = (environment: GuardedEnvironment, name: string, args: object | string = {}) =>
  environment.call({ name, arguments: typeof args === 'string' ? args : JSON.stringify(args) });
const guard = (args: string[] = [], rest = {}, limits = {}) =>
  new GuardedEnvironment(new McpEnvironment(configOf(args, rest)), { callTimeoutMs: 5000, ...limits });

const isRunning = (pid: number) => {
  try {
    // A killed process that nobody has waited for yet is a zombie: gone, but for its number.
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

describe('one server, many calls', () => {
  const server = new McpEnvironment(configOf());
  const world = new GuardedEnvironment(server, { maxResultBytes: 100_000 });
  /** For calls that never answer; the others may be slow on a busy machine. */
  const impatient = new GuardedEnvironment(server, { callTimeoutMs: 300 });
  beforeAll(() => world.reset(task, 7));
  afterAll(() => world.close());

  const silent = new Set(['hang', 'not_json', 'not_rpc']);

  test('the tools of all pages are listed', () => {
    const names = world.tools().map(({ name }) => name);
    expect(names.slice(0, 5)).toEqual(['echo', 'count', 'explode', 'refuse', 'crash']);
    expect(names).toContain('add_tool');
    expect(new Set(names).size).toBe(names.length);
    expect(world.tools()[0]).toEqual({
      name: 'echo',
      description: 'Tool echo.',
      parameters: { type: 'object', properties: { value: { type: 'string' } } },
    });
  });

  test.each([
    ['explode', 'policy', 'tool_error', 'the disk is on fire'],
    ['refuse', 'policy', 'invalid_arguments', 'value must be a string'],
    ['crash', 'environment', 'exception', 'unexpected'],
    ['hang', 'environment', 'call_deadline', 'no result within 300 ms'],
    ['not_json', 'environment', 'invalid_result', 'not_json did not answer in the protocol'],
    ['not_rpc', 'environment', 'invalid_result', 'not_rpc did not answer in the protocol'],
    ['not_a_result', 'environment', 'invalid_result', 'something that is no tool result'],
    ['no_such_tool', 'policy', 'unknown_tool', 'no tool named \\"no_such_tool\\"'],
  ])('%s: an error result of the %s, cause %s, and the episode goes on', async (name, fault, cause, message) => {
    const result = await call(silent.has(name) ? impatient : world, name);
    expect(result).toMatchObject({ isError: true, fault, cause });
    expect(result.content).toContain(message.replaceAll('\\', ''));
    expect(await call(world, 'echo', { value: `after ${name}` })).toEqual({ content: `after ${name}`, isError: false });
  });

  test('what a server writes instead of an answer is kept for people', async () => {
    expect((await call(impatient, 'not_json')).detail).toContain('Traceback (most recent call last):');
  });

  test('a call that took too long is cancelled at the server', async () => {
    await call(impatient, 'hang');
    expect((await call(world, 'was_cancelled')).content).toBe('true');
  });

  test('a flood in one line is cut', async () => {
    const result = await call(world, 'flood', { megabytes: 5 });
    expect(result).toMatchObject({
      isError: true,
      fault: 'environment',
      cause: 'output_limit',
      detail: '5242880 bytes',
    });
    expect(Buffer.byteLength(result.content)).toBe(100_000);
  });

  test.each([
    ['{"value": ', 'policy'],
    ['[1]', 'policy'],
    ['null', 'policy'],
    ['"text"', 'policy'],
    [`${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`, 'policy'],
    [`{"value":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 'policy'],
  ])('arguments %.12s are the fault of the policy', async (args) => {
    expect(await call(world, 'echo', args)).toMatchObject({ fault: 'policy', cause: 'invalid_arguments' });
  });

  test('"__proto__" is an argument like any other', async () => {
    const result = await call(world, 'echo', '{"value":"x","__proto__":{"polluted":1}}');
    expect(result).toEqual({ content: 'x', isError: false });
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  test('blocks that are no text are named', async () => {
    expect((await call(world, 'blocks')).content).toBe(
      'first\n[image image/png, 4 bytes]\n[resource file:///a.txt]\ninside\n[resource file:///c, 2 bytes]',
    );
    expect((await call(world, 'structured')).content).toBe('{"answer":42}');
  });

  test('calls at once answer each its own request', async () => {
    const values = Array.from({ length: 20 }, (_, index) => `value ${index}`);
    const results = await Promise.all(values.map((value) => call(world, 'echo', { value })));
    expect(results.map(({ content }) => content)).toEqual(values);
  });

  test('a tool that the server adds can be called', async () => {
    expect((await call(world, 'added')).cause).toBe('unknown_tool');
    await call(world, 'add_tool');
    expect((await call(world, 'added')).content).toBe('here');
  });

  test('snapshots and digests are refused with the reason', () => {
    const environment = new McpEnvironment(configOf());
    for (const operation of ['snapshot', 'digest'] as const) {
      expect(() => environment[operation]()).toThrow('its state lies in a foreign process');
    }
    expect(() => environment.restore(null)).toThrow('expected an environment with snapshots for restore()');
    expect(environment.supportsSnapshots).toBe(false);
  });
});

test('a server that dies in a call: the cause is recorded, later calls fail at once, a reset starts afresh', async () => {
  const world = guard();
  await world.reset(task, 1);
  expect((await call(world, 'count')).content).toBe('1');
  const result = await call(world, 'exit');
  expect(result).toMatchObject({ isError: true, fault: 'environment', cause: 'connection' });
  expect(result.detail).toContain('exit code 3');
  expect(result.detail).toContain('segmentation fault');
  expect(await call(world, 'count')).toMatchObject({ fault: 'environment', cause: 'connection' });
  await world.reset(task, 2);
  expect((await call(world, 'count')).content).toBe('1');
  await world.close();
});

test('every episode has a fresh server; with lifetime environment one server serves them all', async () => {
  const counts = async (lifetime: string) => {
    const world = guard([], { lifetime });
    const seen: string[] = [];
    for (const seed of [1, 2]) {
      await world.reset(task, seed);
      seen.push((await call(world, 'count')).content);
    }
    await world.close();
    return seen;
  };
  expect(await counts('episode')).toEqual(['1', '1']);
  expect(await counts('environment')).toEqual(['1', '2']);
});

test('closing ends the server and all that it started, also what left its process group', async () => {
  const world = guard();
  await world.reset(task, 1);
  const child = Number((await call(world, 'start_child')).content);
  const daemon = Number((await call(world, 'start_daemon')).content);
  expect([isRunning(child), isRunning(daemon)]).toEqual([true, true]);
  await world.close();
  await expect.poll(() => [isRunning(child), isRunning(daemon)], { timeout: 5000 }).toEqual([false, false]);
});

test('a server that ignores the end of its input and SIGTERM is killed', async () => {
  const world = guard(['--stubborn']);
  await world.reset(task, 1);
  const child = Number((await call(world, 'start_child')).content);
  await world.close();
  await expect.poll(() => isRunning(child), { timeout: 5000 }).toBe(false);
}, 20_000);

test('each episode has its own folder and seed, and only the variables it is given', async () => {
  const template = mkdtempSync(join(tmpdir(), 'parl-mt-template-'));
  writeFileSync(join(template, 'note.txt'), 'from the template');
  process.env.SECRET = 'not for tools';
  try {
    const world = guard([], { workspace: template, cwd: '{workspace}', env: { SEED: '{seed}' } });
    await world.reset(task, 42);
    const first = JSON.parse((await call(world, 'environment')).content);
    expect(first).toMatchObject({ seed: '42', home: true, secret: null });
    expect((await call(world, 'read', { path: 'note.txt' })).content).toBe('from the template');
    await world.reset(task, 43);
    const second = JSON.parse((await call(world, 'environment')).content);
    expect(second.cwd).not.toBe(first.cwd);
    expect(existsSync(first.cwd)).toBe(false);
    await world.close();
    expect(existsSync(second.cwd)).toBe(false);
  } finally {
    delete process.env.SECRET;
    rmSync(template, { recursive: true });
  }
});

test('a server whose errors are its own is blamed for them', async () => {
  const world = guard([], { toolErrorFault: 'environment' });
  await world.reset(task, 1);
  expect(await call(world, 'explode')).toMatchObject({ fault: 'environment', cause: 'tool_error' });
  await world.close();
});

test('a task offers the tools that it names, and no others', async () => {
  const world = guard();
  await world.reset({ ...task, tools: [tool('echo')] }, 1);
  expect(world.tools().map(({ name }) => name)).toEqual(['echo']);
  expect((await call(world, 'count')).cause).toBe('unknown_tool');
  await expect(world.reset({ ...task, tools: [tool('fly')] }, 1)).rejects.toThrow(/task awkward: .*received fly$/);
  await world.close();
});

describe('closing while a reset is in progress', () => {
  const withPidFile = async (args: string[], play: (world: McpEnvironment, pids: () => number[]) => Promise<void>) => {
    const folder = mkdtempSync(join(tmpdir(), 'parl-mt-closing-'));
    const pidFile = join(folder, 'pids');
    const pids = () => (existsSync(pidFile) ? readFileSync(pidFile, 'utf8').trim().split('\n').map(Number) : []);
    try {
      await play(new McpEnvironment(configOf([...args, '--pid-file', pidFile])), pids);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };

  test('waits for a server that never answers the handshake to be gone', async () => {
    await withPidFile(['--silent'], async (world, pids) => {
      const reset = world.reset(task, 1).catch((error: Error) => error.message);
      await expect.poll(() => pids().length, { timeout: 20_000 }).toBe(1);
      expect(isRunning(pids()[0]!)).toBe(true);
      await world.close();
      expect(isRunning(pids()[0]!)).toBe(false);
      expect(await reset).toMatch(/closed while its server started/);
    });
  }, 40_000);

  test('starts no server after the end of the one before', async () => {
    await withPidFile(['--stubborn'], async (world, pids) => {
      await world.reset(task, 1);
      const second = world.reset(task, 2).catch((error: Error) => error.message);
      await world.close();
      expect(await second).toBe('the environment was closed while its server started');
      expect(pids().map(isRunning)).toEqual([false]);
      await world.reset(task, 3);
      expect(pids().map(isRunning)).toEqual([false, true]);
      await world.close();
    });
  }, 40_000);

  test('of two resets at once the later one holds', async () => {
    await withPidFile([], async (world, pids) => {
      const first = world.reset(task, 1).catch((error: Error) => error.message);
      await world.reset(task, 2);
      expect(await first).toMatch(/closed while its server started/);
      expect(pids().map(isRunning).filter(Boolean)).toHaveLength(1);
      await world.close();
      expect(pids().map(isRunning).filter(Boolean)).toHaveLength(0);
    });
  }, 40_000);
});

describe('a server that does not start', () => {
  test.each([
    ['is not there', { command: 'no-such-program-xyz' }, [], 'expected no-such-program-xyz to start in'],
    ['ends at once', {}, ['--exit', '7'], 'exit code 7; the end of its stderr: no licence found'],
    ['has a folder that is not there', { cwd: '/no/such/folder' }, [], 'to start in /no/such/folder'],
    ['has a template that is not there', { workspace: '/no/such/template' }, [], '/no/such/template'],
  ])('because it %s', async (_, rest, args, message) => {
    await expect(guard(args, rest).reset(task, 1)).rejects.toThrow(message);
  });

  test('because it never answers: the reset ends at its deadline and the process is gone', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'parl-mt-silent-'));
    const pidFile = join(folder, 'pid');
    try {
      const world = guard(['--silent', '--pid-file', pidFile], {}, { resetTimeoutMs: 2000 });
      await expect(world.reset(task, 1)).rejects.toThrow('limits.resetTimeoutMs');
      // On a busy machine the deadline may come before the process does: then there is none.
      expect(existsSync(pidFile) && isRunning(Number(readFileSync(pidFile, 'utf8')))).toBe(false);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }, 20_000);

  test('noise before the handshake does not matter', async () => {
    const world = guard(['--noise']);
    await world.reset(task, 1);
    expect((await call(world, 'echo', { value: 'hi' })).content).toBe('hi');
    await world.close();
  });
});

test('kind mcp needs a server, which a task cannot name', () => {
  expect(() => createEnvironment('mcp')).toThrow('expected the option mcp');
  expect(createEnvironment('mcp', { mcp: configOf() })).toBeInstanceOf(McpEnvironment);
  expect(() => createEnvironment('none')).toThrow('expected an environment of bfcl, tau-bench, mcp, received "none"');
});
