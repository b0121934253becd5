import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { parseCallText } from '@parl-mt/environments';
import { expect, test } from 'vitest';
import { addressOf, testServer } from '../server.testing.js';

const EPISODES = 64;

test('64 MCP sessions at once: none sees another, and each is paid for its own task', async () => {
  await using server = await testServer({
    protocol: 'mcp',
    maxSessions: EPISODES,
    synthesis: { tasks: 16, minTurns: 2, maxTurns: 2, maxCallsPerTurn: 1, classes: ['GorillaFileSystem'] },
  });
  const { tasks } = server.catalog.splits[0]!;
  const url = new URL(`${await addressOf(server)}/mcp`);
  const episodes = await Promise.all(
    Array.from({ length: EPISODES }, async (_, index) => {
      const client = new Client({ name: `client ${index}`, version: '1' });
      await client.connect(new StreamableHTTPClientTransport(url) as Parameters<typeof client.connect>[0]);
      return { client, index, task: tasks[index % tasks.length]! };
    }),
  );
  const callAll = (name: string, argumentsOf: (index: number) => Record<string, unknown>) =>
    Promise.all(episodes.map(({ client, index }) => client.callTool({ name, arguments: argumentsOf(index) })));
  const begun = await callAll('start_episode', (index) => ({ task_id: tasks[index % tasks.length]!.id }));
  for (const [index, { structuredContent }] of begun.entries()) {
    expect(structuredContent).toMatchObject({ task_id: tasks[index % tasks.length]!.id, done: false });
  }

  // Odd episodes leave a mark of their own in their world; even ones must not find any.
  await Promise.all(
    episodes.map(async ({ client, index }) => {
      if (index % 2 === 1) await client.callTool({ name: 'mkdir', arguments: { dir_name: `mark_${index}` } });
    }),
  );
  const listings = await callAll('find', () => ({}));
  for (const [index, { content }] of listings.entries()) {
    const marks = JSON.stringify(content).match(/mark_\d+/g) ?? [];
    expect([...new Set(marks)]).toEqual(index % 2 === 1 ? [`mark_${index}`] : []);
  }

  // The even ones go on as their ground truth does, the odd ones only answer.
  for (const turn of [0, 1]) {
    await Promise.all(
      episodes.map(async ({ client, index, task }) => {
        if (index % 2 === 1) return;
        for (const callText of task.turns[turn]!.groundTruth) {
          const { name, arguments: args } = parseCallText(callText, task.tools)!;
          await client.callTool({ name, arguments: JSON.parse(args) as Record<string, unknown> });
        }
      }),
    );
    const answers = await callAll('respond', () => ({ message: 'Done.' }));
    for (const [index, { structuredContent }] of answers.entries()) {
      expect(structuredContent).toMatchObject({
        done: turn === 1,
        reward: turn === 0 ? null : index % 2 === 0 ? 1 : 0,
      });
    }
  }
  expect(server.activeSessions).toBe(EPISODES);
  await Promise.all(episodes.map(({ client }) => client.close()));
}, 240_000);
