import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CancelledError, type JobContext, RolloutError, type RunConfigs, type TrainRunConfig } from '@parl-mt/schema';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type TestHost, testHost } from './host.testing.js';
import type { Job } from './jobs.js';
import { runCli } from './run-cli.js';

afterEach(() => void vi.unstubAllEnvs());

const jsonLines = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** A host whose job `pag` is the given one. */
const pagHost = (job: Job<'pag'>) => testHost({ pag: async () => job });

/** A host whose job `train` records the configuration it gets. */
function recordingHost(): TestHost & { readonly seen: TrainRunConfig[] } {
  const seen: TrainRunConfig[] = [];
  const host = testHost({
    train: async () => async (config: RunConfigs['train']) => {
      seen.push(config);
      return { summary: {}, files: [] };
    },
  });
  return Object.assign(host, { seen });
}

describe('where a configuration comes from', () => {
  test('later sources win: file, --seed, flags, --set', async () => {
    using host = recordingHost();
    const file = { init: '.', rl: { groupSize: 3, clipLow: 0.3, epochs: 2, seed: 5 }, synthesis: { seed: 5 } };
    writeFileSync(join(host.cwd, 'train.json'), JSON.stringify(file));
    const args = [
      '--seed',
      '9',
      '--rl.group-size',
      '4',
      '--rl.epochs=6',
      '--synthesis.seed',
      '8',
      '--set',
      'rl.epochs=7',
    ];
    expect(await runCli(['train', '--config', 'train.json', ...args], host)).toBe(0);
    expect(host.seen[0]?.rl).toMatchObject({ clipLow: 0.3, groupSize: 4, epochs: 7, seed: 9, clipHigh: 0.28 });
    expect(host.seen[0]?.synthesis.seed).toBe(8);
  });

  test('--set takes kebab case, and a JSON object for a section', async () => {
    using host = recordingHost();
    const args = ['--set', 'rl.group-size=5', '--set', 'rl.reward={"format": 0.2}'];
    expect(await runCli(['train', '--init', '.', ...args], host)).toBe(0);
    expect(host.seen[0]?.rl).toMatchObject({ groupSize: 5, reward: { format: 0.2, success: 0.6 } });
  });
});

describe('mistakes of the user end with code 2 and one message, without a stack', () => {
  test.each<[string, string[], RegExp]>([
    ['no command', [], /Usage: parl-mt/],
    ['unknown command', ['trian'], /^error: unknown command 'trian'\n\(Did you mean train\?\)\n$/],
    ['unknown flag', ['train', '--rl.group-sise', '3'], /^error: unknown option '--rl.group-sise'\n\(Did you mean/],
    ['flag without value', ['train', '--init'], /argument missing/],
    ['surplus argument', ['info', 'x'], /too many arguments/],
    ['missing required flag', ['sft'], /^dataset \(--dataset <path>\): expected string, received nothing\n$/],
    ['no number', ['train', '--init', '.', '--rl.epochs', 'x'], /^--rl.epochs: expected an integer, received "x"\n$/],
    ['out of range', ['train', '--init', '.', '--rl.epochs', '0'], /^rl.epochs \(--rl.epochs <integer>\): Too small/],
    [
      'unknown key',
      ['train', '--init', '.', '--set', 'rl.epoch=1'],
      /^rl.epoch: unknown key; accepted here: optimizer/,
    ],
    ['prototype key', ['train', '--init', '.', '--set', '__proto__.x=1'], /^__proto__: unknown key/],
    ['--set without =', ['train', '--set', 'rl'], /^--set rl: expected key=value/],
    [
      'missing input',
      ['train', '--init', 'nowhere'],
      /^--init: expected an existing file or folder, or a model of the hub \(owner\/name or owner\/name\/FILE\.gguf\), nothing at nowhere\n$/,
    ],
    ['missing file', ['train', '--config', 'no.json'], /^--config no.json: expected a JSON file, there is none\n$/],
    ['policy of no kind', ['eval'], /^policy: expected object, received nothing\n$/],
    [
      'bfcl without data',
      ['eval', '--policy.kind', 'ground-truth', '--benchmark', 'bfcl'],
      /^expected --bfcl PATH, or data in nowhere\/bfcl; neither is there\. "parl-mt data bfcl --from hub" fetches it\.\n$/,
    ],
    [
      'an endpoint on another benchmark',
      ['eval', '--policy.kind', 'endpoint', '--policy.model', 'm', '--benchmark', 'bfcl'],
      /^policy\.kind \(--policy\.kind <\S+>\): expected evaluation\.benchmark "tau-bench"/,
    ],
  ])('%s', async (_name, args, message) => {
    using host = testHost();
    vi.stubEnv('PARL_MT_DATA_HOME', 'nowhere');
    expect(await runCli(args, host)).toBe(2);
    expect(host.stderr.text).toMatch(message);
    expect(host.stderr.text).not.toMatch(/^ +at /m);
    expect(host.stdout.text).toBe('');
  });

  test('a file that is no JSON, and one that is no object', async () => {
    using host = testHost();
    writeFileSync(join(host.cwd, 'a.json'), '{"rl": ');
    writeFileSync(join(host.cwd, 'b.json'), '[]');
    expect(await runCli(['train', '--config', 'a.json'], host)).toBe(2);
    expect(await runCli(['train', '--config', 'b.json'], host)).toBe(2);
    expect(host.stderr.text).toMatch(
      /^a\.json: expected JSON, .*\nb\.json: expected one JSON object, received object\n$/,
    );
  });

  test('a folder that holds another run is left alone', async () => {
    using host = recordingHost();
    expect(await runCli(['train', '--init', '.', '--out', 'run'], host)).toBe(0);
    const before = readFileSync(join(host.cwd, 'run/run.json'), 'utf8');
    expect(await runCli(['train', '--init', '.', '--out', 'run', '--rl.epochs', '2'], host)).toBe(2);
    expect(host.stderr.text).toMatch(/the folder holds another run \(rl\.epochs was 1\); name an empty one\n$/);
    expect(readFileSync(join(host.cwd, 'run/run.json'), 'utf8')).toBe(before);
    expect(await runCli(['train', '--init', '.', '--out', 'run'], host)).toBe(0);
    expect(host.seen).toHaveLength(2);
  });
});

describe('how a run ends', () => {
  test('finished: code 0, summary on stdout, run.json and events.jsonl in the folder', async () => {
    using host = pagHost(async (_config, { reporter }) => {
      reporter.stage('verify', 10);
      reporter.progress(10, { kept: 8 });
      reporter.table('a  b');
      return { summary: { records: 8, rate: 1 / 3 }, files: ['records.jsonl'] };
    });
    expect(await runCli(['pag', 'build', '--out', 'run'], host)).toBe(0);
    expect(host.stdout.text).toBe('a  b\nfinished\n  records  8\n  rate     0.3333\nfiles\n  records.jsonl\n');
    expect(host.stderr.text).toContain('verify (10)\n  10/10  kept 8\n');
    const record = JSON.parse(readFileSync(join(host.cwd, 'run/run.json'), 'utf8'));
    expect(record).toMatchObject({ kind: 'pag', status: 'finished', summary: { records: 8 } });
    expect(record.config.pag.synthesis.tasks).toBe(600);
    const events = jsonLines(readFileSync(join(host.cwd, 'run/events.jsonl'), 'utf8'));
    expect(events.map(({ type }) => type)).toEqual(['started', 'stage', 'progress', 'table', 'finished']);
  });

  test('--json: every line of stdout is one event, stderr stays empty', async () => {
    using host = pagHost(async (_config, { reporter }) => {
      reporter.log('hello\nworld');
      reporter.metric({ update: 1, loss: Number.NaN });
      return { summary: { records: 0 }, files: [] };
    });
    expect(await runCli(['pag', 'build', '--json'], host)).toBe(0);
    expect(jsonLines(host.stdout.text)).toMatchObject([
      { type: 'started', kind: 'pag', outDir: join(host.cwd, 'runs/pag') },
      { type: 'log', line: 'hello\nworld' },
      { type: 'metric', record: { update: 1, loss: null } },
      { type: 'finished', summary: { records: 0 } },
    ]);
    expect(host.stderr.text).toBe('');
  });

  test('a failure we foresee: code 1, its message; run.json keeps the reason', async () => {
    using host = pagHost(async () => {
      throw new RolloutError('environment', 'the tool server went away');
    });
    expect(await runCli(['pag', 'build', '--out', 'run'], host)).toBe(1);
    expect(host.stderr.text).toMatch(/\nthe tool server went away\n$/);
    expect(JSON.parse(readFileSync(join(host.cwd, 'run/run.json'), 'utf8'))).toMatchObject({
      status: 'failed',
      error: { code: 'ROLLOUT_ENVIRONMENT', message: 'the tool server went away' },
    });
  });

  test('a bug: code 1 and the stack on stderr, the message alone in the event', async () => {
    using host = pagHost(async () => {
      throw new TypeError('x is not a function');
    });
    expect(await runCli(['pag', 'build', '--json'], host)).toBe(1);
    expect(host.stderr.text).toMatch(/TypeError: x is not a function\n +at /);
    expect(jsonLines(host.stdout.text).at(-1)).toMatchObject({
      type: 'failed',
      code: 'BUG',
      message: 'x is not a function',
    });
  });

  test('a usage error with --json is an event too', async () => {
    using host = testHost();
    expect(await runCli(['sft', '--dataset', 'nowhere', '--json'], host)).toBe(2);
    expect(jsonLines(host.stdout.text)).toMatchObject([{ type: 'failed', code: 'USAGE' }]);
  });
});

describe('interruption', () => {
  /** Works until it is told to stop, then saves. */
  const untilAborted: Job<'pag'> = async (_config, { signal, reporter }: JobContext) => {
    reporter.stage('work');
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    reporter.log('saved');
    throw signal.reason;
  };

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ])('the first %s lets the job save and ends with code %i', async (name, code) => {
    using host = pagHost(untilAborted);
    const done = runCli(['pag', 'build', '--out', 'run', '--json'], host);
    await expect.poll(() => host.stdout.text).toContain('"stage"');
    host.signals.emit(name);
    expect(await done).toBe(code);
    expect(jsonLines(host.stdout.text).slice(-2)).toMatchObject([{ line: 'saved' }, { type: 'cancelled' }]);
    expect(JSON.parse(readFileSync(join(host.cwd, 'run/run.json'), 'utf8')).status).toBe('cancelled');
    expect(host.exits).toEqual([]);
    expect(host.signals.listenerCount(name)).toBe(0);
  });

  test('the second one ends the process at once', async () => {
    let giveUp = () => {};
    using host = pagHost(
      (_config, { reporter }) =>
        new Promise((_resolve, reject) => {
          reporter.stage('deaf');
          giveUp = () => reject(new CancelledError());
        }),
    );
    const done = runCli(['pag', 'build', '--json'], host);
    await expect.poll(() => host.stdout.text).toContain('deaf');
    host.signals.emit('SIGINT');
    expect(host.exits).toEqual([]);
    host.signals.emit('SIGINT');
    expect(host.exits).toEqual([130]);
    giveUp();
    await done;
  });

  test('a job that completes although asked to stop is finished', async () => {
    using host = pagHost(async (_config, { signal, reporter }) => {
      reporter.stage('last update');
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      return { summary: {}, files: [] };
    });
    const done = runCli(['pag', 'build', '--json'], host);
    await expect.poll(() => host.stdout.text).toContain('last update');
    host.signals.emit('SIGINT');
    expect(await done).toBe(0);
  });

  test('a closed output pipe stops the run as a cancellation', async () => {
    using host = pagHost(untilAborted);
    const done = runCli(['pag', 'build', '--json'], host);
    await expect.poll(() => host.stdout.text).toContain('"stage"');
    host.stdout.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE', syscall: 'write' }));
    expect(await done).toBe(130);
  });
});

describe('help', () => {
  test.each([
    [['--help'], 'Exit codes: 0 done'],
    [['train', '--help'], '--rl.group-size <integer>'],
    [['pag', 'build', '--help'], 'parl-mt pag build --out runs/pag'],
  ])('%j', async (args, part) => {
    using host = testHost();
    expect(await runCli(args, host)).toBe(0);
    expect(host.stdout.text).toContain(part);
    expect(existsSync(join(host.cwd, 'runs'))).toBe(false);
  });

  test('info for people spells nested values out', async () => {
    using host = testHost();
    expect(await runCli(['info'], host)).toBe(0);
    expect(host.stdout.text).toMatch(/cuda: built (true|false), available (true|false)/);
    expect(host.stdout.text).not.toContain('[object');
  });

  test('info is one JSON object on request', async () => {
    using host = testHost();
    expect(await runCli(['info', '--json'], host)).toBe(0);
    expect(JSON.parse(host.stdout.text)).toMatchObject({ node: process.version, native: expect.any(Object) });
  });
});
