import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { pagRecordSchema, parseClosed, serverConfigSchema } from '@parl-mt/schema';
import { createServer } from '@parl-mt/server';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runSpawner } from './spawn-run.js';

/** Real processes with real signals, on sources. */
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const entryOf = (file: string) =>
  [
    process.execPath,
    '--conditions=@parl-mt/source',
    `--import=${tsx}`,
    fileURLToPath(new URL(file, import.meta.url)),
  ] as const;
const testEntry = entryOf('./main.testing.ts');

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'parl-mt-process-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a process', () => {
  const start = (...args: string[]) => {
    const [program, ...programArgs] = testEntry;
    const child = spawn(program, [...programArgs, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    const output = { out: '', err: '' };
    child.stdout.on('data', (chunk: Buffer) => {
      output.out += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      output.err += chunk.toString();
    });
    return { child, output, ended: endOf(child) };
  };
  const endOf = (child: ChildProcess) => new Promise<number | null>((resolve) => child.once('close', resolve));

  test('Ctrl-C: saves, says so, and ends with 130', async () => {
    const { child, output, ended } = start('pag', 'build', '--out', 'run', '--pag.synthesis.tasks', '100000');
    await expect.poll(() => output.err, { timeout: 20_000 }).toContain('work (100000)');
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    expect(existsSync(join(folder, 'run/saved.txt'))).toBe(true);
    expect(JSON.parse(readFileSync(join(folder, 'run/run.json'), 'utf8')).status).toBe('cancelled');
  });

  test('a reader that goes away stops the run', async () => {
    const { child, output, ended } = start('pag', 'build', '--out', 'run', '--json', '--pag.synthesis.tasks', '100000');
    await expect.poll(() => output.out, { timeout: 20_000 }).toContain('"progress"');
    child.stdout.destroy();
    expect(await ended).toBe(130);
    expect(existsSync(join(folder, 'run/saved.txt'))).toBe(true);
  });
});

describe('the server with real processes', () => {
  const open = (entry: readonly [string, ...string[]]) =>
    createServer({
      config: parseClosed(serverConfigSchema, { dataDir: folder, cancelGraceMs: 20_000 }, 'test'),
      spawn: runSpawner(entry, folder),
      version: 'test',
      cwd: folder,
    });
  type Server = Awaited<ReturnType<typeof open>>;
  const submit = async (server: Server, tasks: number) => {
    const payload = { kind: 'pag', config: { pag: { synthesis: { tasks } } } };
    return (await server.app.inject({ method: 'POST', url: '/v1/runs', payload })).json<{ id: string }>().id;
  };
  const get = async (server: Server, id: string) =>
    (await server.app.inject(`/v1/runs/${id}`)).json<{
      status: string;
      summary: unknown;
      error: { code: string } | null;
    }>();
  const status = (server: Server, id: string) => async () => (await get(server, id)).status;

  test('a run finishes, and its events and files are there', async () => {
    await using server = await open(testEntry);
    const id = await submit(server, 3);
    await expect.poll(status(server, id), { timeout: 20_000 }).toBe('finished');
    expect((await get(server, id)).summary).toEqual({ tasks: 3 });
    const events = (await server.app.inject(`/v1/runs/${id}/events`)).payload;
    // How many progress events pass the throttle depends on the machine; their place does not.
    const names = events.match(/^event: .*$/gm) ?? [];
    expect(names.filter((name, index) => name !== names[index - 1] || name === 'event: status')).toEqual([
      'event: status',
      'event: status',
      'event: started',
      'event: stage',
      'event: progress',
      'event: finished',
      'event: status',
    ]);
    const record = (await server.app.inject(`/v1/runs/${id}/files/run.json`)).json();
    expect(record).toMatchObject({ status: 'finished', kind: 'pag' });
  });

  test('the real command builds a small dataset, and its files come back over HTTP', async () => {
    await using server = await open(entryOf('./main.ts'));
    const id = await submit(server, 4);
    await expect.poll(status(server, id), { timeout: 25_000 }).toBe('finished');
    const { summary } = await get(server, id);
    const lines = (await server.app.inject(`/v1/runs/${id}/files/dataset/train.jsonl`)).payload.trimEnd().split('\n');
    expect(summary).toMatchObject({ tasks: 4, trainRecords: lines.length });
    expect(lines.map((line) => pagRecordSchema.safeParse(JSON.parse(line)).success)).not.toContain(false);
  });

  test('cancel lets a run save; a killed run fails and does not stop the queue', async () => {
    await using server = await open(testEntry);
    const long = await submit(server, 100_000);
    const killed = await submit(server, 13);
    await expect.poll(async () => (await server.app.inject(`/v1/info`)).json().running).toBe(1);
    await expect.poll(() => existsSync(join(folder, 'runs', long, 'events.jsonl')), { timeout: 20_000 }).toBe(true);
    await server.app.inject({ method: 'POST', url: `/v1/runs/${long}/cancel` });
    await expect.poll(status(server, long), { timeout: 20_000 }).toBe('cancelled');
    expect(existsSync(join(folder, 'runs', long, 'saved.txt'))).toBe(true);
    await expect.poll(status(server, killed), { timeout: 20_000 }).toBe('failed');
    expect((await get(server, killed)).error).toMatchObject({ code: 'CRASHED' });
  });

  test('closing the server interrupts the run, which saves', async () => {
    const server = await open(testEntry);
    const id = await submit(server, 100_000);
    await expect.poll(() => existsSync(join(folder, 'runs', id, 'events.jsonl')), { timeout: 20_000 }).toBe(true);
    await server.close();
    expect(existsSync(join(folder, 'runs', id, 'saved.txt'))).toBe(true);
    await using next = await open(testEntry);
    expect((await get(next, id)).error).toMatchObject({ code: 'INTERRUPTED' });
  });
});
