import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { connect, testServer } from './server.testing.js';

const mcp = {
  transport: 'stdio',
  command: process.execPath,
  args: [fileURLToPath(new URL('./mcp/slow-server.testing.mjs', import.meta.url))],
};

test('a server that stops lets a call in work end, then says goodbye', async () => {
  const server = await testServer({ benchmark: 'mcp', mcp });
  const client = await connect(server);
  await client.reset();
  const pending = client.call('slow');
  // The call has to be in work before the server stops.
  await new Promise((resolve) => setTimeout(resolve, 50));
  const closed = server.close();
  expect((await pending).data.observation.result).toBe('slow');
  expect(await client.closed).toBe(1001);
  await closed;
  expect(server.activeSessions).toBe(0);
});

test('it does not wait for ever: a call that hangs is cut off after the grace time', async () => {
  const server = await testServer({ benchmark: 'mcp', mcp, shutdownGraceMs: 50 });
  const client = await connect(server);
  await client.reset();
  void client.call('hang');
  await new Promise((resolve) => setTimeout(resolve, 50));
  await server.close();
  expect(await client.closed).toBe(1001);
  expect(server.activeSessions).toBe(0);
});
