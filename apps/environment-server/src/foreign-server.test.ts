import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { connect, testServer } from './server.testing.js';

const mcp = {
  transport: 'stdio',
  command: process.execPath,
  args: [fileURLToPath(new URL('./mcp/slow-server.testing.mjs', import.meta.url))],
};

test('tools of an MCP server, a session each, and nobody who judges', async () => {
  await using server = await testServer({ benchmark: 'mcp', mcp });
  const [one, two] = [await connect(server), await connect(server)];
  const begun = await one.reset();
  expect(begun.data.observation).toMatchObject({ task_id: 'free-play', turns: 1, messages: [] });
  const names = begun.data.observation.available_tools.map(({ name }: { name: string }) => name);
  expect(names).toEqual(['count', 'hang', 'slow', 'respond']);
  expect((await one.call('count')).data.observation.result).toBe('1');
  expect((await one.call('count')).data.observation.result).toBe('2');
  expect((await two.call('count')).data.observation.result).toBe('1');
});

test('a server that does not start is the reason of a refused reset, and the place stays', async () => {
  await using server = await testServer({ benchmark: 'mcp', mcp: { ...mcp, args: ['-e', 'process.exit(4)'] } });
  const client = await connect(server);
  for (let attempt = 0; attempt < 2; attempt++) {
    const answer = await client.reset();
    expect(answer).toMatchObject({ type: 'error', data: { code: 'EXECUTION_ERROR' } });
    expect(answer.data.message).toContain('exit code 4');
  }
  expect((await client.call('count')).data.code).toBe('EXECUTION_ERROR');
  expect((await client.send({ type: 'state' })).data).toEqual({ episode_id: null, step_count: 0 });
});

test('tasks of a file are played with the user that they have', async () => {
  const file = join(tmpdir(), `parl-mt-tasks-${process.pid}.jsonl`);
  const task = {
    id: 'counting',
    environment: 'mcp',
    category: 'demo',
    involvedClasses: [],
    initialConfig: '{}',
    tools: [{ name: 'count', description: 'Counts.', parameters: { type: 'object' } }],
    turns: ['Count once.', 'And again.'].map((content) => ({ messages: [{ role: 'user', content }], groundTruth: [] })),
  };
  try {
    writeFileSync(file, `${JSON.stringify(task)}\n`);
    await using server = await testServer({ benchmark: 'mcp', mcp, tasksPath: file });
    const client = await connect(server);
    const begun = await client.reset({ task_id: 'counting' });
    expect(begun.data.observation.messages).toEqual([{ role: 'user', content: 'Count once.' }]);
    await client.call('count');
    expect((await client.respond()).data.observation.result.messages).toEqual([
      { role: 'user', content: 'And again.' },
    ]);
    expect((await client.call('count')).data.observation.result).toBe('2');
    // Not on offer in this task.
    expect((await client.call('slow')).data.observation.error.error_type).toBe('tool_not_found');
    expect((await client.respond()).data).toMatchObject({ reward: null, done: true });
    writeFileSync(file, readFileSync(file, 'utf8').replace('"environment":"mcp"', '"environment":"bfcl"'));
    await expect(testServer({ benchmark: 'mcp', mcp, tasksPath: file })).rejects.toThrow(
      /:1: expected a task of environment mcp/,
    );
    writeFileSync(file, '{"id": "x"}\n');
    await expect(testServer({ benchmark: 'mcp', mcp, tasksPath: file })).rejects.toThrow(/:1: environment: /);
  } finally {
    rmSync(file, { force: true });
  }
});
