import type { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { testHost } from './host.testing.js';
import { runCli } from './run-cli.js';

test('the help has every option with its default, and examples', async () => {
  using host = testHost();
  expect(await runCli(['env', 'serve', '--help'], host)).toBe(0);
  for (const part of [
    '--max-sessions',
    '(default 256',
    '--mcp.command',
    '--limits.call-timeout-ms',
    'Examples:',
    '--transport stdio',
  ]) {
    expect(host.stdout.text).toContain(part);
  }
});

test.each([
  [['--benchmark', 'bfcl', '--bfcl', ''], 'bfclPath'],
  [['--benchmark', 'mcp'], 'mcp: expected an MCP server with benchmark "mcp"'],
  [['--transport', 'stdio'], 'expected http with protocol "openenv", received stdio'],
  [['--benchmark', 'bfcl', '--bfcl', 'nowhere'], '--bfcl: expected an existing file or folder, nothing at nowhere'],
  [['--host', '0.0.0.0'], 'add --allow-remote-without-authentication'],
  [['--mcp.transport', 'stdio'], 'mcp.command (--mcp.command <string>): expected string, received nothing'],
  [['--mcp.transport', 'http', '--mcp.url', 'file:///etc/passwd'], 'mcp.url'],
  [['--synthesis.classes', 'Nothing'], 'expected synthesis classes among'],
])('%j is refused before anything is served', async (args, message) => {
  using host = testHost();
  expect(await runCli(['env', 'serve', '--port', '0', ...args], host)).toBe(2);
  expect(host.stderr.text).toContain(message);
  expect(host.stdout.text).toBe('');
});

test('serves until a signal, and says where and what', async () => {
  using host = testHost();
  const small = ['--synthesis.tasks', '3', '--synthesis.max-turns', '3', '--synthesis.classes', 'MathAPI'];
  const ended = runCli(['env', 'serve', '--port', '0', ...small], host);
  await expect.poll(() => host.stdout.text, { timeout: 20_000 }).toContain('\n');
  const [, address] = /^listening on (http:\/\/127\.0\.0\.1:\d+): parl-mt-synthetic, tasks: train 3\n$/.exec(
    host.stdout.text,
  )!;
  const response = await fetch(`${address}/metadata`);
  expect(await response.json()).toMatchObject({ name: 'parl-mt-synthetic' });
  host.signals.emit('SIGTERM');
  expect(await ended).toBe(0);
});

test('a signal that comes while the tasks are made ends it too', async () => {
  using host = testHost();
  const ended = runCli(['env', 'serve', '--port', '0', '--synthesis.tasks', '20'], host);
  await expect.poll(() => host.signals.listenerCount('SIGTERM'), { interval: 1 }).toBe(1);
  host.signals.emit('SIGTERM');
  expect(await ended).toBe(0);
});

test('over stdio nothing but the protocol is on stdout, and the end of the input ends it', async () => {
  using host = testHost();
  const ended = runCli(['env', 'serve', '--protocol', 'mcp', '--transport', 'stdio'], host);
  (host.stdin as PassThrough).end('{"jsonrpc":"2.0","id":1,"method":"ping"}\n');
  expect(await ended).toBe(0);
  expect(JSON.parse(host.stdout.text)).toEqual({ jsonrpc: '2.0', id: 1, result: {} });
});
