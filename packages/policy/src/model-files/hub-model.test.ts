import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { CancelledError, UsageError } from '@parl-mt/schema';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type DownloadProgress, fetchHubModel, resolveModel } from './hub-model.js';

const ID = 'owner/model';
const COMMIT = 'c0ffee'.padEnd(40, '0');
const OTHER_COMMIT = 'd00d'.padEnd(40, '0');
const LARGE = Buffer.alloc(3_000_000, 'abcdefg');

/** A hub of one model, as the client and plain requests see it. Large files lie at another address (origin), as the hub's do. */
class FakeHub {
  files = new Map<string, Buffer>([
    ['config.json', Buffer.from('{"model_type":"llama"}')],
    ['tokenizer.json', Buffer.from('{}')],
    ['model.safetensors', LARGE],
    ['pytorch_model.bin', Buffer.from('pickle')],
    ['run.py', Buffer.from('code')],
  ]);
  commit = COMMIT;
  /** Requests of content that were answered: name, and where from. */
  readonly asked: string[] = [];
  /** All requests of the hub, and of the store of large files. */
  readonly requests: IncomingMessage[] = [];
  readonly storeRequests: IncomingMessage[] = [];
  /** Bytes of one answer after which the connection breaks. */
  breaksAfter = Number.POSITIVE_INFINITY;
  /** What is sent in place of a file. */
  forged = new Map<string, Buffer>();
  listed: readonly { path: string }[] = [];
  /** Status that every content is answered by. */
  status: number | undefined;
  knowsRanges = true;
  /** Entries of one page of the list, and where the next pages are. */
  page = 2;
  nextPages = () => this.url;
  readonly server: Server = createServer((request, response) => this.#answer(request, response));
  readonly store: Server = createServer((request, response) => {
    this.storeRequests.push(request);
    if (request.url!.startsWith('/api/')) return this.#answer(request, response);
    this.#send(decodeURIComponent(request.url!.slice(1)), request, response);
  });

  get url(): string {
    return addressOf(this.server);
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    if (request.socket.localPort === Number(new URL(this.url).port)) this.requests.push(request);
    const { pathname, searchParams } = new URL(request.url!, this.url);
    const url = decodeURIComponent(pathname);
    const json = (value: unknown) => response.setHeader('content-type', 'application/json').end(JSON.stringify(value));
    if (url.startsWith(`/api/models/${ID}/revision/`)) {
      return void json({
        _id: '1',
        id: ID,
        sha: this.commit,
        private: false,
        lastModified: '2026-01-01T00:00:00.000Z',
      });
    }
    const tree = `/api/models/${ID}/tree/${this.commit}`;
    if (url.startsWith(tree)) {
      const folder = url.slice(tree.length + 1);
      const entries = [...this.#tree(), ...this.listed].filter(
        ({ path: name }) => !/^[\w./-]+$/.test(name) || path.dirname(name) === (folder || '.'),
      );
      const start = Number(searchParams.get('cursor') ?? 0);
      const next = start + this.page;
      if (next < entries.length)
        response.setHeader('link', `<${this.nextPages()}${pathname}?cursor=${next}>; rel="next"`);
      return void json(entries.slice(start, next));
    }
    const name = url.startsWith(`/${ID}/resolve/${this.commit}/`) ? url.split('/').slice(5).join('/') : '';
    const content = this.files.get(name);
    if (content === undefined) return void response.writeHead(404, { 'x-error-code': 'RepoNotFound' }).end('{}');
    if (content.length <= 1000) return void this.#send(name, request, response);
    const location = `${addressOf(this.store)}/${encodeURIComponent(name)}`;
    response.writeHead(302, { location, 'x-repo-commit': this.commit, 'x-linked-etag': hashOf(content, true) }).end();
  }

  #send(name: string, request: IncomingMessage, response: ServerResponse): void {
    if (this.status !== undefined) return void response.writeHead(this.status).end();
    const content = this.forged.get(name) ?? this.files.get(name)!;
    const [, from] = (this.knowsRanges && /^bytes=(\d+)-$/.exec(request.headers.range ?? '')) || [];
    const start = Number(from ?? 0);
    if (start >= content.length && start > 0) return void response.writeHead(416).end();
    this.asked.push(from === undefined ? name : `${name} from ${from}`);
    const piece = content.subarray(start);
    response.writeHead(from === undefined ? 200 : 206, {
      etag: `"${hashOf(content, content.length > 1000)}"`,
      'content-length': piece.length,
      ...(from === undefined ? {} : { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` }),
    });
    if (piece.length <= this.breaksAfter) return void response.end(piece);
    response.write(piece.subarray(0, this.breaksAfter), () => setTimeout(() => response.destroy(), 50));
  }

  #tree(): { path: string }[] {
    return [...this.files].map(([name, content]) => ({
      type: 'file',
      path: name,
      size: content.length,
      oid: hashOf(content, false),
      ...(content.length > 1000 ? { lfs: { oid: hashOf(content, true), size: content.length, pointerSize: 130 } } : {}),
    }));
  }
}

function addressOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function hashOf(content: Buffer, isLarge: boolean): string {
  return isLarge
    ? createHash('sha256').update(content).digest('hex')
    : createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
}

let hub: FakeHub;
let directory: string;
let cacheDir: string;
const options = () => ({ hubUrl: hub.url, cacheDir });
const model = () => path.join(cacheDir, 'models--owner--model');
const blobs = () => readdirSync(path.join(model(), 'blobs'));
const parts = () => blobs().filter((name) => name.endsWith('.incomplete'));
const offline = () => ({ cacheDir, offline: true });
const nowhere = () => ({ cacheDir, hubUrl: 'http://127.0.0.1:2' });

beforeEach(async () => {
  for (const name of ['HF_TOKEN', 'HF_ENDPOINT', 'HF_HUB_OFFLINE', 'HF_HUB_CACHE', 'HF_HOME']) vi.stubEnv(name, '');
  hub = new FakeHub();
  for (const server of [hub.server, hub.store]) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  }
  directory = mkdtempSync(path.join(os.tmpdir(), 'hub-'));
  cacheDir = path.join(directory, 'cache');
});

afterEach(() => {
  vi.unstubAllEnvs();
  for (const server of [hub.server, hub.store]) {
    server.closeAllConnections();
    server.close();
  }
  rmSync(directory, { recursive: true, force: true });
});

test('fetches what loading reads, into the layout of the Hugging Face cache, and asks for it once', async () => {
  const { path: folder, commit } = await fetchHubModel(ID, options());
  expect(commit).toBe(COMMIT);
  expect(folder).toBe(path.join(model(), 'snapshots', COMMIT));
  expect(readdirSync(folder).sort()).toEqual(['config.json', 'model.safetensors', 'tokenizer.json']);
  expect(readFileSync(path.join(folder, 'model.safetensors')).equals(LARGE)).toBe(true);
  expect(readlinkSync(path.join(folder, 'model.safetensors'))).toBe(`../../blobs/${hashOf(LARGE, true)}`);
  expect(readFileSync(path.join(model(), 'refs/main'), 'utf8')).toBe(COMMIT);
  expect(blobs()).toHaveLength(3);
  expect(hub.asked.sort()).toEqual(['config.json', 'model.safetensors', 'tokenizer.json']);
  hub.asked.length = 0;
  expect(await fetchHubModel(ID, options())).toEqual({ path: folder, commit });
  expect(hub.asked).toEqual([]);
});

test('a path is a model as it is; what is neither path nor name says what was expected', async () => {
  mkdirSync(cacheDir, { recursive: true });
  const at = (name: string, content: string) => {
    writeFileSync(path.join(directory, name), content);
    return path.join(directory, name);
  };
  const nothing = { ...options(), fetch: () => expect.unreachable('no path is asked for') };
  for (const found of [directory, at('x.gguf', ''), at('sha256-1234', 'GGUF....')]) {
    expect(await resolveModel(found, nothing)).toEqual({ path: found });
  }
  await expect(resolveModel(at('x.bin', 'pickle'), nothing)).rejects.toThrow(
    /expected a model folder or a \.gguf file/,
  );
  for (const wrong of [
    '',
    'gpt2',
    './a/b',
    '../b',
    '/no/such',
    'a/b/c',
    'a/b/../c.gguf',
    'a/b//c.gguf',
    'a/b/c.bin',
    'a\\b',
  ]) {
    await expect(resolveModel(wrong, nothing), wrong).rejects.toThrow(UsageError);
    await expect(resolveModel(wrong, nothing), wrong).rejects.toThrow(
      /expected a model folder, a \.gguf file, or a model/,
    );
  }
  expect(await resolveModel(ID, options())).toEqual({
    path: path.join(model(), 'snapshots', COMMIT),
    revision: COMMIT,
    id: ID,
  });
});

test('of a GGUF file of the hub nothing else is fetched', async () => {
  hub.files.set('q4/model.Q4_1.gguf', Buffer.from('GGUF, small'));
  hub.files.set('model.F16.gguf', Buffer.from('GGUF, large'));
  const found = await resolveModel(`${ID}/q4/model.Q4_1.gguf`, options());
  expect(found).toEqual({
    path: path.join(model(), 'snapshots', COMMIT, 'q4/model.Q4_1.gguf'),
    revision: COMMIT,
    id: ID,
  });
  expect(readFileSync(found.path, 'utf8')).toBe('GGUF, small');
  expect(hub.asked).toEqual(['q4/model.Q4_1.gguf']);
  expect(await resolveModel(`${ID}/q4/model.Q4_1.gguf`, offline())).toEqual(found);
  await expect(resolveModel(`${ID}/model.F16.gguf`, offline())).rejects.toThrow(/missing: model\.F16\.gguf/);
  // The file is no whole model.
  await expect(resolveModel(ID, offline())).rejects.toThrow(/missing: config\.json, model\.safetensors/);
  await expect(resolveModel(`${ID}/Q8.gguf`, options())).rejects.toThrow(
    /expected Q8\.gguf in .*, found model\.F16\.gguf/,
  );
  hub.files.delete('model.safetensors');
  await expect(resolveModel(ID, options())).rejects.toThrow('name one, as owner/model/model.F16.gguf');
});

test('a branch is asked for again and again, a commit that is in the cache never', async () => {
  await fetchHubModel(ID, options());
  hub.commit = OTHER_COMMIT;
  hub.files.set('config.json', Buffer.from('{"model_type":"qwen2"}'));
  hub.asked.length = 0;
  const moved = await fetchHubModel(ID, options());
  expect(moved.commit).toBe(OTHER_COMMIT);
  // The same content lies there once.
  expect(hub.asked).toEqual(['config.json']);
  hub.requests.length = 0;
  expect((await fetchHubModel(ID, { ...options(), revision: COMMIT })).commit).toBe(COMMIT);
  expect(hub.requests).toEqual([]);
  await expect(fetchHubModel(ID, { ...options(), revision: 'e'.repeat(40) })).rejects.toThrow(
    /expected commit e+ .*received/,
  );
});

test('a tag is pinned under its name', async () => {
  const found = await fetchHubModel(ID, { ...options(), revision: 'v1.0' });
  expect(hub.requests[0]!.url).toContain('/revision/v1.0?');
  expect(await fetchHubModel(ID, { ...offline(), revision: 'v1.0' })).toEqual(found);
  await expect(fetchHubModel(ID, offline())).rejects.toThrow(/revision main/);
  hub.commit = OTHER_COMMIT;
  await fetchHubModel(ID, { ...options(), revision: OTHER_COMMIT });
  expect(readdirSync(path.join(model(), 'refs'))).toEqual(['v1.0']);
});

test('a commit whose weights alone another tool has fetched is asked for once more', async () => {
  const { path: folder } = await fetchHubModel(ID, options());
  rmSync(path.join(folder, 'tokenizer.json'));
  expect((await fetchHubModel(ID, { ...offline(), revision: COMMIT })).path).toBe(folder);
  await fetchHubModel(ID, { ...options(), revision: COMMIT });
  expect(existsSync(path.join(folder, 'tokenizer.json'))).toBe(true);
});

test('a download that was cut off goes on where it ended', async () => {
  hub.breaksAfter = 1_000_000;
  await expect(fetchHubModel(ID, options())).rejects.toThrow(/What was loaded is gone on with by the next try/);
  const [part] = parts();
  const loaded = readFileSync(path.join(model(), 'blobs', part!)).length;
  expect(loaded).toBeGreaterThan(100_000);
  expect(existsSync(path.join(model(), 'refs'))).toBe(false);
  hub.breaksAfter = Number.POSITIVE_INFINITY;
  hub.asked.length = 0;
  const seen: DownloadProgress[] = [];
  const { path: folder } = await fetchHubModel(ID, { ...options(), onProgress: (each) => void seen.push(each) });
  expect(hub.asked).toContain(`model.safetensors from ${loaded}`);
  expect(readFileSync(path.join(folder, 'model.safetensors')).equals(LARGE)).toBe(true);
  expect(parts()).toEqual([]);
  const ofLarge = seen.filter(({ file }) => file === 'model.safetensors');
  expect(ofLarge.every(({ totalBytes }) => totalBytes === LARGE.length)).toBe(true);
  const done = ofLarge.map(({ doneBytes }) => doneBytes);
  expect(done[0]).toBe(loaded);
  expect(done.at(-1)).toBe(LARGE.length);
  expect(done).toEqual([...done].sort((a, b) => a - b));
});

test('a server that knows no ranges sends the whole, and it is right', async () => {
  hub.breaksAfter = 1_000_000;
  await expect(fetchHubModel(ID, options())).rejects.toThrow(UsageError);
  hub.breaksAfter = Number.POSITIVE_INFINITY;
  hub.knowsRanges = false;
  const { path: folder } = await fetchHubModel(ID, options());
  expect(readFileSync(path.join(folder, 'model.safetensors')).equals(LARGE)).toBe(true);
});

test('what is left of a file is not mixed with the file that took its place', async () => {
  hub.breaksAfter = 1_000_000;
  await expect(fetchHubModel(ID, options())).rejects.toThrow(UsageError);
  hub.breaksAfter = Number.POSITIVE_INFINITY;
  const changed = Buffer.alloc(LARGE.length, 'gfedcba');
  hub.files.set('model.safetensors', changed);
  hub.commit = OTHER_COMMIT;
  hub.asked.length = 0;
  const { path: folder } = await fetchHubModel(ID, options());
  expect(hub.asked).toContain('model.safetensors');
  expect(readFileSync(path.join(folder, 'model.safetensors')).equals(changed)).toBe(true);
});

test('what is left by a dead process, or long ago elsewhere, is gone on with; what a living one writes is left alone', async () => {
  await fetchHubModel(ID, options());
  const hash = hashOf(LARGE, true);
  const start = () => {
    rmSync(path.join(model(), 'snapshots'), { recursive: true });
    rmSync(path.join(model(), 'blobs', hash));
    hub.asked.length = 0;
  };
  const here = createHash('sha256').update(os.hostname()).digest('hex').slice(0, 8);
  const leave = (owner: string, bytes: number, ageSeconds = 0) => {
    const part = path.join(model(), 'blobs', `${hash}.${owner}-0.incomplete`);
    writeFileSync(part, LARGE.subarray(0, bytes));
    const then = Date.now() / 1000 - ageSeconds;
    utimesSync(part, then, then);
    return part;
  };
  start();
  leave(`${here}-999999999`, 2_000_000);
  await fetchHubModel(ID, options());
  expect(hub.asked).toContain('model.safetensors from 2000000');
  start();
  leave('0123abcd-1', 1_500_000, 3600);
  await fetchHubModel(ID, options());
  expect(hub.asked).toContain('model.safetensors from 1500000');
  start();
  const alive = [leave(`${here}-${process.ppid}`, 10, 3600), leave('0123abcd-2', 10)];
  await fetchHubModel(ID, options());
  expect(hub.asked).toContain('model.safetensors');
  for (const part of alive) expect(readFileSync(part)).toHaveLength(10);
});

test('two that want the same model at once both get it, and it is fetched once in a process', async () => {
  const [a, b] = await Promise.all([fetchHubModel(ID, options()), fetchHubModel(ID, options())]);
  expect(a).toEqual(b);
  expect(readFileSync(path.join(a.path, 'model.safetensors')).equals(LARGE)).toBe(true);
  expect(hub.asked.filter((name) => name === 'model.safetensors')).toHaveLength(1);
  expect(readdirSync(a.path)).toHaveLength(3);
});

test('a file of another hash or size is an error and gets no name', async () => {
  hub.forged.set('tokenizer.json', Buffer.from('[]'));
  await expect(fetchHubModel(ID, options())).rejects.toThrow(/expected tokenizer\.json with hash/);
  hub.forged = new Map([['model.safetensors', Buffer.alloc(LARGE.length, 'x')]]);
  await expect(fetchHubModel(ID, options())).rejects.toThrow(/expected model\.safetensors with hash .* it was removed/);
  hub.forged.set('model.safetensors', Buffer.concat([LARGE, LARGE]));
  await expect(fetchHubModel(ID, options())).rejects.toThrow(
    /expected 3000000 bytes of model\.safetensors, received more/,
  );
  expect(blobs().filter((name) => name.startsWith(hashOf(LARGE, true)))).toEqual([]);
  hub.forged.set('model.safetensors', LARGE.subarray(0, 1000));
  await expect(fetchHubModel(ID, options())).rejects.toThrow(/the connection ended after 1000 of 3000000 bytes/);
  // The rest of what is shorter there does not exist: it is asked for as a whole.
  await expect(fetchHubModel(ID, options())).rejects.toThrow(/the connection ended after 1000/);
  expect(existsSync(path.join(model(), 'snapshots', COMMIT, 'model.safetensors'))).toBe(false);
  hub.forged.clear();
  await fetchHubModel(ID, options());
});

test('names, hashes, sizes and commits of the server are not trusted', async () => {
  const evil = { type: 'file', size: 1, oid: 'a'.repeat(40) };
  hub.listed = ['../config.json', '/etc/config.json', 'a/../../model.safetensors', '..\\config.json'].map((name) => ({
    ...evil,
    path: name,
  }));
  const { path: folder } = await fetchHubModel(ID, options());
  expect(readdirSync(folder).sort()).toEqual(['config.json', 'model.safetensors', 'tokenizer.json']);
  expect(readdirSync(directory)).toEqual(['cache']);
  hub.commit = OTHER_COMMIT;
  hub.listed = [{ ...evil, path: 'vocab.json', oid: '../../../x' } as { path: string }];
  await expect(fetchHubModel(ID, options())).rejects.toThrow(/expected a SHA hash of vocab\.json/);
  hub.listed = [{ ...evil, path: 'vocab.json', size: -1 } as { path: string }];
  await expect(fetchHubModel(ID, options())).rejects.toThrow(/expected the size of vocab\.json/);
  hub.commit = '../..';
  await expect(fetchHubModel(ID, options())).rejects.toThrow(/expected a commit hash/);
  for (const revision of ['../x', '/etc', 'a//b', 'a\\b', '']) {
    await expect(fetchHubModel(ID, { ...options(), revision })).rejects.toThrow(/as revision/);
  }
  await expect(fetchHubModel('../model', options())).rejects.toThrow(/expected owner\/name/);
});

test('offline there is the cache alone; a model with a shard missing is not there', async () => {
  await expect(fetchHubModel(ID, offline())).rejects.toThrow(
    /expected owner\/model \(revision main\) in the cache at .*models--owner--model.*missing: all of it/,
  );
  hub.files.delete('model.safetensors');
  const shards = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
  for (const shard of shards) hub.files.set(shard, Buffer.from(shard));
  const index = { weight_map: Object.fromEntries(shards.map((shard, i) => [`w${i}`, shard])) };
  hub.files.set('model.safetensors.index.json', Buffer.from(JSON.stringify(index)));
  const { path: folder } = await fetchHubModel(ID, options());
  vi.stubEnv('HF_HUB_OFFLINE', '1');
  hub.requests.length = 0;
  expect((await fetchHubModel(ID, options())).path).toBe(folder);
  expect(hub.requests).toEqual([]);
  rmSync(path.join(folder, shards[1]!));
  await expect(fetchHubModel(ID, offline())).rejects.toThrow(/missing: model-00002-of-00002\.safetensors/);
  for (const weightMap of [{}, { w: '../config.json' }, { w: 1 }]) {
    rmSync(path.join(folder, 'model.safetensors.index.json'));
    writeFileSync(path.join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map: weightMap }));
    await expect(fetchHubModel(ID, offline())).rejects.toThrow(/missing: shards that/);
  }
});

test('an adapter is a model too, and one without its weights is none', async () => {
  hub.files = new Map([
    ['adapter_config.json', Buffer.from('{}')],
    ['adapter_model.safetensors', Buffer.from('weights')],
  ]);
  const { path: folder } = await fetchHubModel(ID, options());
  expect(hub.asked.at(-1)).toBe('adapter_config.json');
  expect(await fetchHubModel(ID, { ...nowhere(), revision: COMMIT })).toEqual({ path: folder, commit: COMMIT });
  rmSync(path.join(folder, 'adapter_model.safetensors'));
  await expect(fetchHubModel(ID, offline())).rejects.toThrow(/missing: adapter_model\.safetensors/);
});

test('a repository without weights that are read is refused before the first byte', async () => {
  hub.files.delete('model.safetensors');
  await expect(fetchHubModel(ID, options())).rejects.toThrow(/found config\.json, tokenizer\.json/);
  expect(hub.asked).toEqual([]);
});

test('no network, or a hub that fails: the cache stands in, and without it the message says how to go on', async () => {
  await expect(fetchHubModel(ID, nowhere())).rejects.toThrow(/ECONNREFUSED.*Without a network, give the path/);
  hub.status = 503;
  await expect(fetchHubModel(ID, options())).rejects.toThrow(/HTTP 503/);
  hub.status = undefined;
  const { commit } = await fetchHubModel(ID, options());
  const said: string[] = [];
  const onLog = (message: string) => void said.push(message);
  expect((await fetchHubModel(ID, { ...nowhere(), onLog })).commit).toBe(commit);
  expect(said.join()).toContain(`taken from the cache, commit ${commit}`);
  hub.commit = OTHER_COMMIT;
  hub.files.set('config.json', Buffer.from('{"new":1}'));
  hub.status = 503;
  expect((await fetchHubModel(ID, options())).commit).toBe(commit);
  // Nobody may read it any more: that is said, not passed over.
  hub.status = 403;
  await expect(fetchHubModel(ID, options())).rejects.toThrow(/HTTP 403/);
});

test('a cache that cannot be written says so', async () => {
  writeFileSync(cacheDir, 'a file, no folder');
  await expect(fetchHubModel(ID, options())).rejects.toThrow(
    /cannot write owner\/model to the cache at .*HF_HUB_CACHE/,
  );
});

test('a model that is not there, or private, is a usage error', async () => {
  await expect(fetchHubModel('owner/other', options())).rejects.toThrow(/HTTP 404: there is none, or it is private/);
});

test('hub, cache and token are those of the environment; the token goes to the hub alone', async () => {
  vi.stubEnv('HF_TOKEN', 'secret');
  vi.stubEnv('HF_ENDPOINT', `${hub.url}/`);
  vi.stubEnv('HF_HOME', directory);
  const { path: folder } = await fetchHubModel(ID);
  expect(folder).toBe(path.join(directory, 'hub/models--owner--model/snapshots', COMMIT));
  expect(hub.requests.length).toBeGreaterThan(3);
  for (const { headers } of hub.requests) expect(headers.authorization).toBe('Bearer secret');
  expect(hub.storeRequests).toHaveLength(1);
  expect(hub.storeRequests[0]!.headers.authorization).toBeUndefined();
  hub.nextPages = () => addressOf(hub.store);
  await fetchHubModel(ID);
  expect(hub.storeRequests[1]!.url).toContain('cursor=2');
  for (const { headers } of hub.storeRequests) expect(headers.authorization).toBeUndefined();
  vi.stubEnv('HF_HUB_CACHE', cacheDir);
  expect((await fetchHubModel(ID)).path.startsWith(cacheDir)).toBe(true);
});

test('every request goes through the fetch that is given', async () => {
  let count = 0;
  const counting: typeof fetch = (input, init) => {
    count++;
    return fetch(input, init);
  };
  await fetchHubModel(ID, { ...options(), fetch: counting });
  expect(count).toBe(hub.requests.length);
});

test('a cancelled download stops, and what it has loaded stays', async () => {
  const controller = new AbortController();
  hub.breaksAfter = 1_500_000;
  const onProgress = ({ file, doneBytes }: DownloadProgress) => {
    if (file === 'model.safetensors' && doneBytes > 0) controller.abort();
  };
  await expect(fetchHubModel(ID, { ...options(), signal: controller.signal, onProgress })).rejects.toThrow(
    CancelledError,
  );
  expect(existsSync(path.join(model(), 'snapshots', COMMIT, 'config.json'))).toBe(false);
  expect(readFileSync(path.join(model(), 'blobs', parts()[0]!)).length).toBeGreaterThan(1_000_000);
});
