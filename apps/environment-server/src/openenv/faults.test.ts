import { expect, test } from 'vitest';
import { connect, testServer } from '../server.testing.js';

const filesOnly = {
  tasks: 4,
  minTurns: 2,
  maxTurns: 2,
  maxCallsPerTurn: 1,
  classes: ['GorillaFileSystem'],
  distractorTools: 50,
};

test('with a fault rate some calls fail in transit, the same ones in every episode of a task', async () => {
  await using server = await testServer({ faultRate: 0.5, synthesis: filesOnly });
  const play = async () => {
    const client = await connect(server);
    await client.reset({ index: 0 });
    const answers = [];
    for (let call = 0; call < 20; call++) answers.push((await client.call('pwd', {})).data);
    client.socket.close();
    return answers.map(({ metadata }) => metadata?.cause === 'unavailable');
  };
  const first = await play();
  expect(first.filter(Boolean).length).toBeGreaterThan(3);
  expect(first.filter((isLost) => !isLost).length).toBeGreaterThan(3);
  expect(await play()).toEqual(first);
});

test('without a fault rate none does, and one of 1 is refused', async () => {
  await using server = await testServer({ synthesis: filesOnly });
  const client = await connect(server);
  await client.reset({ index: 0 });
  for (let call = 0; call < 20; call++) expect((await client.call('pwd', {})).data.metadata).toBeUndefined();
  expect(() => testServer({ faultRate: 1 })).toThrow(/faultRate/);
});

test('a delayed function answers late, and the call deadline still holds', async () => {
  await using server = await testServer({
    synthesis: filesOnly,
    delay: { functions: ['pwd'], ms: 60_000 },
    limits: { callTimeoutMs: 100 },
  });
  const client = await connect(server);
  await client.reset({ index: 0 });
  const { data } = await client.call('pwd', {});
  expect(data.observation.error).toMatchObject({ error_type: 'timeout' });
  expect((await client.call('ls', {})).data.observation.error).toBeNull();
});
