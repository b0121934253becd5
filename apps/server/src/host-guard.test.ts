import { describe, expect, test } from 'vitest';
import { testFolder, testServer } from './server.testing.js';

describe('requests that a foreign page makes a browser send', () => {
  const statusOf = async (headers: Record<string, string>, config = {}) => {
    using folder = testFolder();
    await using server = await testServer(folder, config);
    return (await server.app.inject({ url: '/healthz', headers })).statusCode;
  };

  test.each(['localhost', 'localhost:8420', '127.0.0.1:1', '[::1]:8420', 'LOCALHOST'])(
    'Host %s passes',
    async (host) => {
      expect(await statusOf({ host })).toBe(200);
    },
  );

  test.each([
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example:8420',
    '192.168.1.2',
    'a b',
    '@localhost@x',
  ])('Host %s is refused', async (host) => {
    expect(await statusOf({ host })).toBe(403);
  });

  test('a named host passes, and literal addresses once remote access is allowed', async () => {
    expect(await statusOf({ host: 'gpu-box:8420' }, { allowedHosts: ['gpu-box'] })).toBe(200);
    expect(await statusOf({ host: '192.168.1.2' }, { allowRemoteWithoutAuthentication: true })).toBe(200);
    expect(await statusOf({ host: 'evil.example' }, { allowRemoteWithoutAuthentication: true })).toBe(403);
  });

  test('foreign origins are refused, own ones pass', async () => {
    expect(await statusOf({ origin: 'https://evil.example' })).toBe(403);
    expect(await statusOf({ origin: 'null' })).toBe(403);
    expect(await statusOf({ origin: 'http://localhost:5173' })).toBe(200);
  });
});
