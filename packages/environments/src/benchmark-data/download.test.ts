import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type DownloadOptions, download, type Fetch, fetchJson } from './download.js';

const CONTENT = Buffer.from('0123456789abcdef'.repeat(1000));
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'download-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function options(fetch: Fetch): DownloadOptions {
  return { fetch, timeoutMs: 5000, offlineHint: 'Do it by hand.' };
}

/** A server of the content that knows ranges, and remembers what it was asked. */
function server(ranges: (string | undefined)[], knowsRanges = true): Fetch {
  return async (_url, { headers }) => {
    ranges.push(headers.range);
    const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
    if (!knowsRanges || headers.range === undefined) return new Response(CONTENT);
    if (from > CONTENT.length) return new Response(null, { status: 416 });
    return new Response(CONTENT.subarray(from), { status: 206 });
  };
}

test('a file arrives whole, with its hash', async () => {
  const file = join(folder, 'deep', 'a.zip');
  expect(await download('http://x.test/a.zip', file, options(server([])))).toBe(SHA256);
  expect(readFileSync(file).equals(CONTENT)).toBe(true);
  expect(existsSync(`${file}.part`)).toBe(false);
});

test.each([
  ['continues where the server knows ranges', true, 100, ['bytes=100-']],
  ['starts again where it does not', false, 100, ['bytes=100-']],
  ['starts again where the part is too long', true, CONTENT.length + 5, [`bytes=${CONTENT.length + 5}-`, undefined]],
])('an interrupted download %s', async (_, knowsRanges, have, expected) => {
  const file = join(folder, 'a.zip');
  writeFileSync(`${file}.part`, Buffer.concat([CONTENT, Buffer.from('junk!')]).subarray(0, have));
  const ranges: (string | undefined)[] = [];
  expect(await download('http://x.test/a.zip', file, options(server(ranges, knowsRanges)))).toBe(SHA256);
  expect(ranges).toEqual(expected);
});

test('a connection that is lost leaves the part, and says what to do', async () => {
  const file = join(folder, 'a.zip');
  const broken: Fetch = async () =>
    new Response(
      new ReadableStream({
        start(controller) {
          controller.enqueue(CONTENT.subarray(0, 500));
        },
        pull(controller) {
          controller.error(new Error('socket closed'));
        },
      }),
    );
  await expect(download('http://x.test/a.zip', file, options(broken))).rejects.toThrow(
    'http://x.test/a.zip: the connection was lost; run the command again to continue (socket closed). Do it by hand.',
  );
  expect(readFileSync(`${file}.part`)).toHaveLength(500);
  expect(await download('http://x.test/a.zip', file, options(server([])))).toBe(SHA256);
});

test('without a network the message says so, and how to go on', async () => {
  const offline: Fetch = () =>
    Promise.reject(new TypeError('fetch failed', { cause: new Error('getaddrinfo ENOTFOUND x.test') }));
  await expect(download('http://x.test/a', join(folder, 'a'), options(offline))).rejects.toThrow(
    'http://x.test/a: could not be reached (getaddrinfo ENOTFOUND x.test). Do it by hand.',
  );
  const absent: Fetch = async () => new Response('no', { status: 404 });
  await expect(download('http://x.test/a', join(folder, 'a'), options(absent))).rejects.toThrow(/received HTTP 404/);
  await expect(
    fetchJson(
      'http://x.test/',
      'application/json',
      options(async () => new Response('<html>')),
    ),
  ).rejects.toThrow(/expected JSON/);
});
