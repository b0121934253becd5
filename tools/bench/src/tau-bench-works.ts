import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { benchmarkFolder, loadTauBenchTasks, TauBenchEnvironment } from '@parl-mt/environments';
import type { Task, ToolCall } from '@parl-mt/schema';
import type { Prepared, Work } from './measure.js';

const REPEATS = 1000;

const TABLES = { airline: ['flights', 'reservations', 'users'], retail: ['orders', 'products', 'users'] } as const;
type Domain = keyof typeof TABLES;

/**
 * What an episode of tau-bench costs, and beside it the plain way: a deep copy of the database, and a hash of all of it.
 * Needs the data of the benchmark; without it the records say so.
 */
export function tauBenchWorks(): Work[] {
  return (['airline', 'retail'] as const).flatMap((domain) => [
    work(`tau_reset/${domain}`, 'reset', REPEATS, () =>
      episode(domain, ({ environment, task }) => environment.reset(task, 0)),
    ),
    work(`tau_reset_plain/${domain}`, 'reset', 1, () => plain(domain, (database) => structuredClone(database))),
    work(`tau_read/${domain}`, 'call', REPEATS, () =>
      episode(domain, ({ environment, read }) => environment.call(read)),
    ),
    work(`tau_write/${domain}`, 'call', REPEATS, () =>
      episode(domain, ({ environment, write }) => environment.call(write)),
    ),
    work(`tau_snapshot/${domain}`, 'snapshot', REPEATS, () =>
      written(domain, ({ environment }) => environment.snapshot()),
    ),
    work(`tau_digest/${domain}`, 'digest', REPEATS, () => written(domain, ({ environment }) => environment.digest())),
    work(`tau_data_hash/${domain}`, 'hash', 20, () => written(domain, ({ environment }) => environment.dataHash())),
    work(`tau_data_hash_plain/${domain}`, 'hash', 1, () =>
      plain(domain, (database) => createHash('sha256').update(JSON.stringify(database)).digest('hex')),
    ),
    work(`tau_reward/${domain}`, 'reward', 20, () => written(domain, ({ environment }) => environment.reward())),
  ]);
}

interface Episode {
  readonly environment: TauBenchEnvironment;
  readonly task: Task;
  /** Prints a record. */
  readonly read: ToolCall;
  /** Succeeds again and again. */
  readonly write: ToolCall;
}

function work(
  name: string,
  item: string,
  items: number,
  prepare: () => (() => unknown) | Promise<() => unknown>,
): Work {
  return {
    name,
    item,
    items,
    bytes: 0,
    flops: 0,
    prepare: async (): Promise<Prepared> => {
      const once = await prepare();
      return {
        run: () => {
          for (let repeat = 0; repeat < items; repeat++) once();
        },
        check: () => 1,
      };
    },
  };
}

function episode(domain: Domain, act: (episode: Episode) => unknown): () => unknown {
  const directory = dataDirectory();
  const [task] = loadTauBenchTasks(directory, domain, domain === 'airline' ? 'test' : 'train');
  if (task === undefined) throw new Error(`expected tasks of ${domain} in ${directory}`);
  const environment = new TauBenchEnvironment({ dataDirectory: directory });
  environment.reset(task, 0);
  const calls = domain === 'airline' ? airlineCalls(environment, task) : retailCalls(task);
  return () => act({ environment, task, ...calls });
}

function userOf(task: Task): string {
  return (JSON.parse(task.initialConfig) as { user_id: string }).user_id;
}

function toolCall(name: string, args: object): ToolCall {
  return { name, arguments: JSON.stringify(args) };
}

function retailCalls(task: Task): Pick<Episode, 'read' | 'write'> {
  const user_id = userOf(task);
  const address = { address1: '1', address2: '', city: 'c', state: 's', country: 'u', zip: 'z' };
  return {
    read: toolCall('get_user_details', { user_id }),
    write: toolCall('modify_user_address', { user_id, ...address }),
  };
}

function airlineCalls(environment: TauBenchEnvironment, task: Task): Pick<Episode, 'read' | 'write'> {
  const details = (name: string, args: object) =>
    JSON.parse(environment.call(toolCall(name, args)).content) as { reservations: string[]; passengers: object[] };
  const reservation_id = details('get_user_details', { user_id: userOf(task) }).reservations[0];
  const { passengers } = details('get_reservation_details', { reservation_id });
  return {
    read: toolCall('get_reservation_details', { reservation_id }),
    write: toolCall('update_reservation_passengers', { reservation_id, passengers }),
  };
}

/** The same after one write, so that there is something to copy and to hash. */
function written(domain: Domain, act: (episode: Episode) => unknown): () => unknown {
  let isWritten = false;
  return episode(domain, (found) => {
    if (!isWritten) {
      const { isError, content } = found.environment.call(found.write);
      if (isError) throw new Error(`expected the write to succeed, received ${content}`);
      isWritten = true;
    }
    return act(found);
  });
}

function plain(domain: Domain, act: (database: unknown) => unknown): () => unknown {
  const folder = join(dataDirectory(), domain);
  const database = Object.fromEntries(
    TABLES[domain].map((table) => {
      const file = join(folder, `${table}.json`);
      const text = existsSync(file) ? readFileSync(file) : gunzipSync(readFileSync(`${file}.gz`));
      return [table, JSON.parse(text.toString('utf8')) as unknown];
    }),
  );
  return () => act(database);
}

function dataDirectory(): string {
  const candidates = [benchmarkFolder('tau-bench'), join(process.env.PARL_MT_SHARED ?? '../shared', 'tau-bench')];
  const found = candidates.find((folder) => existsSync(join(folder, 'airline')));
  if (found === undefined)
    throw new Error(`expected tau-bench data in ${candidates.join(' or ')}; parl-mt data tau-bench`);
  return found;
}
