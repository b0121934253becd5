import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { finished, submitPag, testFolder, testServer, time } from './server.testing.js';

const json = (text: string) => JSON.parse(text) as Record<string, unknown>;

describe('a run from queue to end', () => {
  test('runs go one at a time, in order, with their own folder in the configuration', async () => {
    using folder = testFolder();
    await using server = await testServer(folder);
    const first = await submitPag(server);
    const second = await submitPag(server);
    expect(server.runs).toHaveLength(1);
    const config = json(readFileSync(server.runs[0]!.configPath, 'utf8'));
    expect(config).toMatchObject({ outDir: join(folder.path, 'data/runs', first), pag: { synthesis: { tasks: 600 } } });
    expect((await server.app.inject(`/v1/runs/${second}`)).json()).toMatchObject({ status: 'queued', startedAt: null });

    server.runs[0]!.say(finished);
    server.runs[0]!.end(0);
    await server.untilStatus(second, 'running');
    expect((await server.app.inject(`/v1/runs/${first}`)).json()).toMatchObject({
      status: 'finished',
      summary: { records: 3 },
      error: null,
      endedAt: time,
    });
    expect(server.runs).toHaveLength(2);
  });

  test.each([
    ['failed with a reason', { type: 'failed', time, code: 'USAGE', message: 'no such class' } as const, 2, 'USAGE'],
    ['gone without a word', undefined, 1, 'CRASHED'],
  ])('%s', async (_name, event, exitCode, code) => {
    using folder = testFolder();
    await using server = await testServer(folder);
    const id = await submitPag(server);
    server.runs[0]!.stderr.write('some stack\n');
    if (event !== undefined) {
      server.runs[0]!.say(event);
    }
    server.runs[0]!.end(exitCode);
    await server.untilStatus(id, 'failed');
    expect((await server.app.inject(`/v1/runs/${id}`)).json()).toMatchObject({ error: { code } });
    await expect
      .poll(() => readFileSync(join(folder.path, 'data/runs', id, 'stderr.log'), 'utf8'))
      .toBe('some stack\n');
  });

  test('a process that cannot be started fails the run and not the queue', async () => {
    using folder = testFolder();
    await using server = await testServer(folder);
    const first = await submitPag(server);
    const second = await submitPag(server);
    server.runs[0]!.failToStart(new Error('spawn ENOENT'));
    await server.untilStatus(second, 'running');
    expect((await server.app.inject(`/v1/runs/${first}`)).json()).toMatchObject({
      status: 'failed',
      error: { code: 'SPAWN', message: expect.stringContaining('spawn ENOENT') },
    });
  });

  test('lines that are no events go to the log and disturb nothing', async () => {
    using folder = testFolder();
    await using server = await testServer(folder);
    const id = await submitPag(server);
    server.runs[0]!.stdout.write('{"type": "finished"}\nnull\n{"__proto__": 1\n');
    server.runs[0]!.say(finished);
    server.runs[0]!.end(0);
    await server.untilStatus(id, 'finished');
    const log = () => readFileSync(join(folder.path, 'data/runs', id, 'stderr.log'), 'utf8');
    await expect.poll(log).toMatch(/not an event: \{"type": "finished"\}\nnot an event: null\n/);
  });
});

describe('cancel', () => {
  test('a queued run ends at once and never starts', async () => {
    using folder = testFolder();
    await using server = await testServer(folder);
    const first = await submitPag(server);
    const second = await submitPag(server);
    const answer = await server.app.inject({ method: 'POST', url: `/v1/runs/${second}/cancel` });
    expect([answer.statusCode, answer.json().status]).toEqual([202, 'cancelled']);
    server.runs[0]!.say(finished);
    server.runs[0]!.end(0);
    await server.untilStatus(first, 'finished');
    expect(server.runs).toHaveLength(1);
  });

  test('a running run gets one SIGINT however often it is cancelled, and may save', async () => {
    using folder = testFolder();
    await using server = await testServer(folder);
    const id = await submitPag(server);
    for (let attempt = 0; attempt < 3; attempt++) {
      const answer = await server.app.inject({ method: 'POST', url: `/v1/runs/${id}/cancel` });
      expect(answer.json()).toMatchObject({ status: 'running', isCancelRequested: true });
    }
    expect(server.runs[0]!.signals).toEqual(['SIGINT']);
    server.runs[0]!.say({ type: 'cancelled', time, message: 'cancelled by Ctrl-C' });
    server.runs[0]!.end(130);
    await server.untilStatus(id, 'cancelled');
    server.timers.advance(1e9);
    expect(server.runs[0]!.signals).toEqual(['SIGINT']);
  });

  test('a deaf run is killed after the grace time, and the next one starts', async () => {
    using folder = testFolder();
    await using server = await testServer(folder, { cancelGraceMs: 5000 });
    const id = await submitPag(server);
    const next = await submitPag(server);
    await server.app.inject({ method: 'POST', url: `/v1/runs/${id}/cancel` });
    server.timers.advance(4999);
    expect(server.runs[0]!.signals).toEqual(['SIGINT']);
    server.timers.advance(1);
    expect(server.runs[0]!.signals).toEqual(['SIGINT', 'SIGKILL']);
    await server.untilStatus(next, 'running');
    expect((await server.app.inject(`/v1/runs/${id}`)).json()).toMatchObject({
      status: 'cancelled',
      error: { code: 'CANCELLED', message: expect.stringContaining('grace time') },
    });
  });

  test('a run that SIGINT finds still starting is cancelled, not killed', async () => {
    using folder = testFolder();
    await using server = await testServer(folder);
    const id = await submitPag(server);
    await server.app.inject({ method: 'POST', url: `/v1/runs/${id}/cancel` });
    server.runs[0]!.end(null, 'SIGINT');
    await server.untilStatus(id, 'cancelled');
    const { error } = (await server.app.inject(`/v1/runs/${id}`)).json();
    expect(error).toEqual({ code: 'CANCELLED', message: 'cancelled while it was starting' });
  });

  test('an ended run cannot be cancelled, an unknown one not found', async () => {
    using folder = testFolder();
    await using server = await testServer(folder);
    const id = await submitPag(server);
    server.runs[0]!.say(finished);
    server.runs[0]!.end(0);
    await server.untilStatus(id, 'finished');
    const post = async (url: string) => (await server.app.inject({ method: 'POST', url })).statusCode;
    expect(await post(`/v1/runs/${id}/cancel`)).toBe(409);
    expect(await post(`/v1/runs/${id}/resume`)).toBe(409);
    expect(await post('/v1/runs/none/cancel')).toBe(404);
  });
});

describe('restart', () => {
  test('a closed server interrupts its run and keeps the queue; the next server goes on with it', async () => {
    using folder = testFolder();
    const before = await testServer(folder);
    const running = await submitPag(before);
    const queued = await submitPag(before);
    const closed = before.close();
    await expect.poll(() => before.runs[0]!.signals).toEqual(['SIGINT']);
    before.runs[0]!.say({ type: 'cancelled', time, message: 'cancelled by Ctrl-C' });
    before.runs[0]!.end(130);
    await closed;

    await using after = await testServer(folder);
    expect((await after.app.inject(`/v1/runs/${running}`)).json()).toMatchObject({
      status: 'interrupted',
      error: { code: 'INTERRUPTED' },
    });
    await after.untilStatus(queued, 'running');
    const resumed = await after.app.inject({ method: 'POST', url: `/v1/runs/${running}/resume` });
    expect([resumed.statusCode, resumed.json().status]).toEqual([202, 'queued']);
    after.runs[0]!.say(finished);
    after.runs[0]!.end(0);
    await after.untilStatus(running, 'running');
    expect(after.runs[1]!.configPath).toBe(before.runs[0]!.configPath);
  });

  test('two servers cannot share a data folder', async () => {
    using folder = testFolder();
    await using _first = await testServer(folder);
    await expect(testServer(folder)).rejects.toThrow(/runs\.db: expected a database that no other server has open/);
  });
});

describe('delete', () => {
  test('removes an ended run and its files, and refuses a running one', async () => {
    using folder = testFolder();
    await using server = await testServer(folder);
    const id = await submitPag(server);
    const remove = () => server.app.inject({ method: 'DELETE', url: `/v1/runs/${id}` });
    expect((await remove()).statusCode).toBe(409);
    server.runs[0]!.say(finished);
    server.runs[0]!.end(0);
    await server.untilStatus(id, 'finished');
    expect((await remove()).statusCode).toBe(204);
    expect(existsSync(join(folder.path, 'data/runs', id))).toBe(false);
    expect((await remove()).statusCode).toBe(404);
  });
});

describe('list', () => {
  test('pages go from new to old without gap or overlap, runs added meanwhile included nowhere', async () => {
    using folder = testFolder();
    await using server = await testServer(folder);
    const ids: string[] = [];
    for (let index = 0; index < 5; index++) {
      ids.unshift(await submitPag(server));
    }
    const seen: string[] = [];
    let before = '';
    do {
      const page = (await server.app.inject(`/v1/runs?limit=2${before}`)).json<{
        runs: { id: string }[];
        next: number | null;
      }>();
      seen.push(...page.runs.map(({ id }) => id));
      before = page.next === null ? '' : `&before=${page.next}`;
      await submitPag(server);
    } while (before !== '');
    expect(seen).toEqual(ids);
    expect((await server.app.inject('/v1/runs?status=running')).json().runs).toHaveLength(1);
  });

  test.each(['limit=0', 'limit=x', 'status=done', 'colour=red', 'before=-1'])('?%s is refused', async (query) => {
    using folder = testFolder();
    await using server = await testServer(folder);
    const answer = await server.app.inject(`/v1/runs?${query}`);
    expect(answer.statusCode).toBe(400);
    expect(answer.json().error.problems).toMatchObject([{ path: query.split('=')[0] }]);
  });
});

describe('requests that cannot run', () => {
  test.each<[string, unknown, string]>([
    ['unknown key', { kind: 'train', config: { init: '.', rl: { optimizer: { lr: 1 } } } }, 'config.rl.optimizer.lr'],
    ['wrong value', { kind: 'pag', config: { pag: { synthesis: { tasks: 0 } } } }, 'config.pag.synthesis.tasks'],
    ['missing field', { kind: 'sft', config: {} }, 'config.dataset'],
    ['own output folder', { kind: 'pag', config: { outDir: '/etc' } }, 'config.outDir'],
    ['unknown kind', { kind: 'rm', config: {} }, 'kind'],
    ['no object', [], ''],
  ])('%s: 400 with the path of the problem', async (_name, payload, path) => {
    using folder = testFolder();
    await using server = await testServer(folder);
    const answer = await server.app.inject({ method: 'POST', url: '/v1/runs', payload: payload as object });
    expect(answer.statusCode).toBe(400);
    expect(answer.json().error).toMatchObject({ code: 'CONFIG', problems: [{ path }] });
    expect(server.runs).toHaveLength(0);
  });

  test('broken JSON, another content type, a body over the limit', async () => {
    using folder = testFolder();
    await using server = await testServer(folder, { maxBodyBytes: 1024 });
    const post = async (payload: string, type: string) => {
      const headers = { 'content-type': type };
      return (await server.app.inject({ method: 'POST', url: '/v1/runs', payload, headers })).statusCode;
    };
    expect(await post('{"kind": ', 'application/json')).toBe(400);
    expect(await post('{"kind": "pag", "config": {}}', 'text/plain')).toBe(415);
    expect(await post(JSON.stringify({ kind: 'x'.repeat(2000) }), 'application/json')).toBe(413);
  });

  test('input paths stay below the data folder and the named roots, through links too', async () => {
    using folder = testFolder();
    mkdirSync(join(folder.path, 'data/imported'), { recursive: true });
    mkdirSync(join(folder.path, 'elsewhere'));
    mkdirSync(join(folder.path, 'secret'));
    symlinkSync(join(folder.path, 'secret'), join(folder.path, 'data/link'));
    await using server = await testServer(folder, { inputRoots: ['elsewhere'] });
    const post = (dataset: string) =>
      server.app.inject({ method: 'POST', url: '/v1/runs', payload: { kind: 'sft', config: { dataset } } });
    for (const dataset of ['../secret', 'link', '/etc/passwd', 'nowhere', 'imported\0', '../data-other']) {
      const answer = await post(dataset);
      expect([dataset, answer.statusCode]).toEqual([dataset, 400]);
      expect(answer.json().error).toMatchObject({ code: 'INPUT_PATH', problems: [{ path: 'config.dataset' }] });
    }
    expect((await post('imported')).json().config.dataset).toBe(join(folder.path, 'data/imported'));
    expect((await post(join(folder.path, 'elsewhere'))).statusCode).toBe(201);
  });
});

describe('files', () => {
  test('lists and sends what a run wrote, byte for byte', async () => {
    using folder = testFolder();
    await using server = await testServer(folder);
    const id = await submitPag(server);
    const dir = join(folder.path, 'data/runs', id);
    mkdirSync(join(dir, 'policy'));
    const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 251));
    writeFileSync(join(dir, 'policy/model.safetensors'), bytes);
    writeFileSync(join(dir, 'empty.txt'), '');
    const { files } = (await server.app.inject(`/v1/runs/${id}/files`)).json<{
      files: { path: string; sizeBytes: number }[];
    }>();
    expect(files).toMatchObject([
      { path: 'config.json' },
      { path: 'empty.txt', sizeBytes: 0 },
      { path: 'policy/model.safetensors', sizeBytes: 100_000 },
      { path: 'stderr.log' },
    ]);
    const answer = await server.app.inject(`/v1/runs/${id}/files/policy/model.safetensors`);
    expect(answer.rawPayload.equals(bytes)).toBe(true);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'x-content-type-options': 'nosniff',
    });
    expect((await server.app.inject(`/v1/runs/${id}/files/empty.txt`)).payload).toBe('');
  });

  test('nothing outside the folder of the run is reached', async () => {
    using folder = testFolder();
    await using server = await testServer(folder);
    const id = await submitPag(server);
    const dir = join(folder.path, 'data/runs', id);
    writeFileSync(join(folder.path, 'secret.txt'), 'secret');
    mkdirSync(join(folder.path, 'outside'));
    writeFileSync(join(folder.path, 'outside/secret.txt'), 'secret');
    symlinkSync(join(folder.path, 'secret.txt'), join(dir, 'link.txt'));
    symlinkSync(join(folder.path, 'outside'), join(dir, 'linked'));
    const attempts = [
      'link.txt',
      'linked/secret.txt',
      '..%2f..%2f..%2fsecret.txt',
      '%2e%2e/%2e%2e/%2e%2e/secret.txt',
      `..%5c..%5csecret.txt`,
      encodeURIComponent(join(folder.path, 'secret.txt')),
      `%2f${encodeURIComponent(join(folder.path, 'secret.txt'))}`,
      'config.json%00.txt',
      '.',
      '',
      'policy//x',
      'a'.repeat(5000),
    ];
    for (const attempt of attempts) {
      const answer = await server.app.inject(`/v1/runs/${id}/files/${attempt}`);
      expect([attempt, answer.statusCode]).toEqual([attempt, 404]);
      expect(answer.payload).not.toContain('secret"');
    }
    const { files } = (await server.app.inject(`/v1/runs/${id}/files`)).json<{ files: { path: string }[] }>();
    expect(files.map(({ path }) => path)).not.toContain('link.txt');
    expect(files.map(({ path }) => path)).not.toContain('linked/secret.txt');
  });

  test('a report cannot act as the origin of the API', async () => {
    using folder = testFolder();
    await using server = await testServer(folder);
    const id = await submitPag(server);
    writeFileSync(join(folder.path, 'data/runs', id, 'report.html'), '<script>1</script>');
    const { headers } = await server.app.inject(`/v1/runs/${id}/files/report.html`);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers['content-security-policy']).toBe('sandbox allow-scripts');
  });
});
