import { parseCallText } from '@parl-mt/environments';
import { expect, test } from 'vitest';
import { connect, testServer } from '../server.testing.js';

const EPISODES = 64;

test('64 episodes at once: none sees another, and each is paid for its own task', async () => {
  const classes = ['GorillaFileSystem'];
  await using server = await testServer({
    maxSessions: EPISODES,
    synthesis: { tasks: 16, minTurns: 2, maxTurns: 2, maxCallsPerTurn: 1, classes },
  });
  const { tasks } = server.catalog.splits[0]!;
  const clients = await Promise.all(Array.from({ length: EPISODES }, () => connect(server)));
  // Four episodes of every task, one step of each in turn, so that they lie across one another.
  const episodes = clients.map((client, index) => ({ client, index, task: tasks[index % tasks.length]! }));
  const begun = await Promise.all(
    episodes.map(({ client, index, task }) => client.reset({ task_id: task.id, episode_id: `episode ${index}` })),
  );
  for (const [index, { data }] of begun.entries()) {
    expect(data.observation.messages).toEqual(tasks[index % tasks.length]!.turns[0]!.messages);
  }

  // Odd episodes leave a mark of their own in their world; even ones must not find any.
  await Promise.all(
    episodes.map(async ({ client, index }) => {
      if (index % 2 === 1) await client.call('mkdir', { dir_name: `mark_${index}` });
    }),
  );
  const listings = await Promise.all(episodes.map(({ client }) => client.call('find', {})));
  for (const [index, { data }] of listings.entries()) {
    const marks = String(data.observation.result).match(/mark_\d+/g) ?? [];
    expect([...new Set(marks)]).toEqual(index % 2 === 1 ? [`mark_${index}`] : []);
  }

  // The even ones go on as their ground truth does, the odd ones only answer.
  for (const turn of [0, 1]) {
    await Promise.all(
      episodes.map(async ({ client, index, task }) => {
        if (index % 2 === 1) return;
        for (const callText of task.turns[turn]!.groundTruth) {
          const { name, arguments: args } = parseCallText(callText, task.tools)!;
          await client.call(name, args);
        }
      }),
    );
    const answers = await Promise.all(episodes.map(({ client }) => client.respond()));
    for (const [index, { data }] of answers.entries()) {
      expect(data.done).toBe(turn === 1);
      if (turn === 1) expect(data.reward).toBe(index % 2 === 0 ? 1 : 0);
    }
  }
  const states = await Promise.all(episodes.map(({ client }) => client.send({ type: 'state' })));
  for (const [index, { data }] of states.entries()) expect(data.episode_id).toBe(`episode ${index}`);
  expect(server.activeSessions).toBe(EPISODES);
});
