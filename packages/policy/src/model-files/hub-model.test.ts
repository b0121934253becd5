import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { CancelledError, UsageError } from '@parl-mt/schema';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { fetchHubModel } from './hub-model.js';

const ID = 'owner/model';
const COMMIT = 'c0ffee'.padEnd(40, '0');
const LARGE = Buffer.alloc(3_000_000, 'abcdefg');

/** A hub of one model: the part of the API that the client asks. */
class FakeHub {
  files = new Map<string, Buffer>([
    ['config.json', Buffer.from('{"model_type":"llama"}')],
    ['tokenizer.json', Buffer.from('{}')],
    ['model.safetensors', LARGE],
    ['pytorch_model.bin', Buffer.from('pickle')],
    ['run.py', Buffer.from('code')],
  ]);
  commit = COMMIT;
  /** Content requests: path, and range where one was asked for beyond the probe. */
  readonly asked: string[] = [];
  tokens: (string | undefined)[] = [];
  /** Bytes of one answer after which the connection breaks. */
  breaksAfter = Number.POSITIVE_INFINITY;
  /** What is sent in place of a file. */
  forged = new Map<string, Buffer>();
  listed: readonly object[] = [];
  server: Server = createServer((request, response) => this.#answer(request, response));

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.tokens.push(request.headers.authorization);
    const url = decodeURIComponent(request.url ?? '').split('?')[0]!;
    const json = (value: unknown) => response.setHeader('content-type', 'application/json').end(JSON.stringify(value));
    if (url.startsWith(`/api/models/${ID}/revision/`) || url === `/api/models/${ID}`) {
      return void json({
        _id: '1',
        id: ID,
        sha: this.commit,
        private: false,
        downloads: 0,
        likes: 0,
        gated: false,
        lastModified: '2026-01-01T00:00:00.000Z',
      });
    }
    if (url.startsWith(`/api/models/${ID}/tree/`)) return void json([...this.#tree(), ...this.listed]);
    const name = new RegExp(`^/${ID}/resolve/[^/]+/(.+)$`).exec(url)?.[1];
    const content = name === undefined ? undefined : (this.forged.get(name) ?? this.files.get(name));
    if (name === undefined || content === undefined) {
      return void response.writeHead(404, { 'x-error-code': 'RepoNotFound' }).end('{}');
    }
    const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    const isProbe = from === '0' && to === '0';
    if (!isProbe) this.asked.push(from === undefined || from === '0' ? name : `${name} from ${from}`);
    const start = Number(from ?? 0);
    const piece = content.subarray(start, to === undefined || to === '' ? undefined : Number(to) + 1);
    response.writeHead(from === undefined ? 200 : 206, {
      etag: `"${hashOf(content, content.length > 1000)}"`,
      'content-length': piece.length,
      ...(from === undefined
        ? {}
        : { 'content-range': `bytes ${start}-${start + piece.length - 1}/${content.length}` }),
    });
    if (piece.length <= this.breaksAfter) return void response.end(piece);
    response.write(piece.subarray(0, this.breaksAfter), () => setTimeout(() => response.destroy(), 50));
  }

  #tree(): object[] {
    return [...this.files].map(([name, content]) => ({
      type: 'file',
      path: name,
      size: content.length,
      oid: hashOf(content, false),
      ...(content.length > 1000 ? { lfs: { oid: hashOf(content, true), size: content.length, pointerSize: 130 } } : {}),
    }));
  }
}

function hashOf(content: Buffer, isLarge: boolean): string {
  return isLarge
    ? createHash('sha256').update(content).digest('hex')
    : createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
}

let hub: FakeHub;
let cacheDir: string;
const options = () => ({ hubUrl: hub.url, cacheDir });
const blobs = () => readdirSync(path.join(cacheDir, 'models--owner--model', 'blobs'));

beforeEach(async () => {
  hub = new FakeHub();
  await new Promise<void>((resolve) => hub.server.listen(0, '127.0.0.1', resolve));
  cacheDir = mkdtempSync(path.join(os.tmpdir(), 'hub-'));
});

afterEach(() => {
  vi.unstubAllEnvs();
  hub.server.closeAllConnections();
  hub.server.close();
  rmSync(cacheDir, { recursive: true, force: true });
});

test('fetches what loading reads, into the layout of the Hugging Face cache, and asks for it once', async () => {
  const { path: folder, commit } = await fetchHubModel(ID, options());
  expect(commit).toBe(COMMIT);
  expect(folder).toBe(path.join(cacheDir, 'models--owner--model', 'snapshots', COMMIT));
  expect(readdirSync(folder).sort()).toEqual(['config.json', 'model.safetensors', 'tokenizer.json']);
  expect(readFileSync(path.join(folder, 'model.safetensors')).equals(LARGE)).toBe(true);
  expect(blobs()).toContain(hashOf(LARGE, true));
  expect(hub.asked.sort()).toEqual(['config.json', 'model.safetensors', 'tokenizer.json']);
  hub.asked.length = 0;
  expect(await fetchHubModel(ID, options())).toEqual({ path: folder, commit });
  expect(hub.asked).toEqual([]);
});

test('a branch is asked for again and again, a commit that is in the cache never', async () => {
  await fetchHubModel(ID, options());
  hub.commit = 'd00d'.padEnd(40, '0');
  hub.files.set('config.json', Buffer.from('{"model_type":"qwen2"}'));
  hub.asked.length = 0;
  const moved = await fetchHubModel(ID, options());
  expect(moved.commit).toBe(hub.commit);
  // The same content lies there once.
  expect(hub.asked).toEqual(['config.json']);
  const nowhere = { cacheDir, hubUrl: 'http://127.0.0.1:1', revision: COMMIT };
  expect((await fetchHubModel(ID, nowhere)).commit).toBe(COMMIT);
});

test('a download that was cut off goes on where it ended', async () => {
  hub.breaksAfter = 1_000_000;
  await expect(fetchHubModel(ID, options())).rejects.toThrow(UsageError);
  const [part] = blobs().filter((name) => name.endsWith('.incomplete'));
  expect(part).toBe(`${hashOf(LARGE, true)}.${process.pid}.incomplete`);
  hub.breaksAfter = Number.POSITIVE_INFINITY;
  hub.asked.length = 0;
  const { path: folder } = await fetchHubModel(ID, options());
  expect(hub.asked.find((each) => each.startsWith('model.safetensors'))).toMatch(/^model\.safetensors from \d{6,}$/);
  expect(readFileSync(path.join(folder, 'model.safetensors')).equals(LARGE)).toBe(true);
  expect(blobs().some((name) => name.endsWith('.incomplete'))).toBe(false);
});

test('what a dead process left is gone on with, what a living one writes is left alone', async () => {
  await fetchHubModel(ID, options());
  const store = path.join(cacheDir, 'models--owner--model');
  const hash = hashOf(LARGE, true);
  const start = () => {
    rmSync(path.join(store, 'snapshots'), { recursive: true });
    rmSync(path.join(store, 'blobs', hash));
    hub.asked.length = 0;
  };
  start();
  writeFileSync(path.join(store, 'blobs', `${hash}.999999999.incomplete`), LARGE.subarray(0, 2_000_000));
  await fetchHubModel(ID, options());
  expect(hub.asked).toContain('model.safetensors from 2000000');
  start();
  const alive = path.join(store, 'blobs', `${hash}.${process.ppid}.incomplete`);
  writeFileSync(alive, LARGE.subarray(0, 10));
  await fetchHubModel(ID, options());
  expect(hub.asked).toContain('model.safetensors');
  expect(readFileSync(alive)).toHaveLength(10);
});

test('a file of another hash is an error and gets no name', async () => {
  hub.forged.set('tokenizer.json', Buffer.from('[]'));
  await expect(fetchHubModel(ID, options())).rejects.toThrow(/expected tokenizer\.json with hash/);
  hub.forged.clear();
  hub.forged.set('model.safetensors', Buffer.alloc(LARGE.length, 'x'));
  await expect(fetchHubModel(ID, options())).rejects.toThrow(/expected model\.safetensors with hash .* it was removed/);
  expect(blobs().filter((name) => name.startsWith(hashOf(LARGE, true)))).toEqual([]);
  hub.forged.clear();
  await fetchHubModel(ID, options());
});

test('names and hashes of the server are not trusted', async () => {
  const evil = { type: 'file', size: 1, oid: 'a'.repeat(40) };
  hub.listed = ['../config.json', '/etc/config.json', 'a/../../model.safetensors', '..\\config.json'].map((name) => ({
    ...evil,
    path: name,
  }));
  const { path: folder } = await fetchHubModel(ID, options());
  expect(readdirSync(folder).sort()).toEqual(['config.json', 'model.safetensors', 'tokenizer.json']);
  hub.listed = [{ ...evil, path: 'vocab.json', oid: '../../../x' }];
  hub.commit = 'd00d'.padEnd(40, '0');
  await expect(fetchHubModel(ID, options())).rejects.toThrow(/expected a SHA hash of vocab\.json/);
  hub.commit = '../..';
  await expect(fetchHubModel(ID, options())).rejects.toThrow(/expected a commit hash/);
  await expect(fetchHubModel(ID, { ...options(), revision: '../x' })).rejects.toThrow(/as revision/);
});

test('offline there is the cache alone; a model with a shard missing is not there', async () => {
  const offline = () => fetchHubModel(ID, { ...options(), offline: true });
  await expect(offline()).rejects.toThrow(
    /expected owner\/model \(revision main\) in the cache at .*models--owner--model/,
  );
  hub.files.delete('model.safetensors');
  const shards = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
  for (const shard of shards) hub.files.set(shard, Buffer.from(shard));
  const index = { weight_map: Object.fromEntries(shards.map((shard, i) => [`w${i}`, shard])) };
  hub.files.set('model.safetensors.index.json', Buffer.from(JSON.stringify(index)));
  const { path: folder } = await fetchHubModel(ID, options());
  vi.stubEnv('HF_HUB_OFFLINE', '1');
  const requests = hub.tokens.length;
  expect((await fetchHubModel(ID, options())).path).toBe(folder);
  expect(hub.tokens).toHaveLength(requests);
  rmSync(path.join(folder, shards[1]!));
  await expect(offline()).rejects.toThrow(UsageError);
});

test('no network: the cache stands in, and without it the message says how to go on', async () => {
  const nowhere = { cacheDir, hubUrl: 'http://127.0.0.1:1' };
  await expect(fetchHubModel(ID, nowhere)).rejects.toThrow(/Without a network, give the path/);
  const { commit } = await fetchHubModel(ID, options());
  const said: string[] = [];
  expect((await fetchHubModel(ID, { ...nowhere, onLog: (message) => void said.push(message) })).commit).toBe(commit);
  expect(said.join()).toContain(`taken from the cache, commit ${commit}`);
});

test('a model that is not there, or private, is a usage error; the token of the environment is sent', async () => {
  await expect(fetchHubModel('owner/other', options())).rejects.toThrow(/HTTP 404: there is none, or it is private/);
  vi.stubEnv('HF_TOKEN', 'hf_secret');
  await fetchHubModel(ID, options());
  expect(hub.tokens).toContain('Bearer hf_secret');
});

test('a cancelled download stops, and what it has loaded stays', async () => {
  const controller = new AbortController();
  hub.breaksAfter = 500_000;
  const onLog = (message: string) => {
    if (message.startsWith('model.safetensors')) setTimeout(() => controller.abort(), 20);
  };
  await expect(fetchHubModel(ID, { ...options(), signal: controller.signal, onLog })).rejects.toThrow(CancelledError);
  expect(existsSync(path.join(cacheDir, 'models--owner--model', 'snapshots', COMMIT, 'config.json'))).toBe(false);
});
