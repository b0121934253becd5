import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  type BenchmarkName,
  benchmarkFolder,
  loadBfclTasks,
  loadTauBenchTasks,
  synthesizeTasks,
  tauSplitsIn,
} from '@parl-mt/environments';
import { ConfigError, type EnvironmentServerConfig, type Task, taskSchema, UsageError } from '@parl-mt/schema';
import { catalogName } from './catalog-name.js';

/** A set of tasks that a client may pick from. */
export interface TaskSplit {
  readonly name: string;
  /** What trainers make of it. */
  readonly type: 'train' | 'validation' | 'test';
  readonly tasks: readonly Task[];
}

/** Everything that a server offers. */
export interface TaskCatalog {
  /** Name of the environment in URLs: lower-case letters, digits, dashes. */
  readonly name: string;
  readonly description: string;
  /** At least one; each has at least one task. The first is the default. */
  readonly splits: readonly TaskSplit[];
  readonly tauBenchDirectory?: string | undefined;
}

/** How a client names the task that it wants. */
export interface TaskChoice {
  readonly taskId?: string | undefined;
  readonly split?: string | undefined;
  readonly index?: number | undefined;
  readonly seed?: number | undefined;
}

/**
 * The tasks of a benchmark.
 *
 * @param cwd - folder that relative paths start from.
 * @throws {UsageError | ConfigError} for data that is missing or does not have its shape.
 */
export function loadCatalog(config: EnvironmentServerConfig, cwd: string): TaskCatalog {
  const name = catalogName(config.benchmark);
  switch (config.benchmark) {
    case 'synthetic':
      return {
        name,
        description: 'Multi-turn function calling over built-in worlds, tasks synthesised with ground truth.',
        splits: [{ name: 'train', type: 'train', tasks: synthesizeTasks(config.synthesis).map(({ task }) => task) }],
      };
    case 'bfcl': {
      const folder = dataFolder(config.bfclPath, 'bfcl', cwd);
      return {
        name,
        description: 'BFCL multi-turn, judged by the official checker.',
        splits: config.categories.map((category) => ({
          name: category,
          type: 'test',
          tasks: loadBfclTasks(folder, category),
        })),
      };
    }
    case 'tau-bench': {
      const folder = dataFolder(config.tauBenchPath, 'tau-bench', cwd);
      const { domain, split } = config.tauBench;
      // The one that was asked for comes first: it is the default.
      const names = [split, ...tauSplitsIn(folder, domain).filter((other) => other !== split)];
      return {
        name,
        description: `tau-bench ${domain}: a user who decides when the conversation is over.`,
        splits: names.map((splitName) => ({
          name: splitName,
          type: splitTypes[splitName] ?? 'test',
          tasks: loadTauBenchTasks(folder, domain, splitName),
        })),
        tauBenchDirectory: folder,
      };
    }
    case 'mcp':
      return {
        name,
        description: 'The tools of an MCP server.',
        splits: [
          {
            name: 'train',
            type: 'train',
            tasks: config.tasksPath === undefined ? [freePlay] : readTasks(resolve(cwd, config.tasksPath)),
          },
        ],
      };
  }
}

/**
 * The task that a client asks for: by id; by split and index; or by seed, which picks one task of the split, the same for
 * the same seed. Without any of these the first task.
 *
 * @returns a text where there is no such task.
 */
export function chooseTask(catalog: TaskCatalog, choice: TaskChoice): { task: Task; split: TaskSplit } | string {
  const { taskId, split: splitName, index, seed } = choice;
  const splits = splitName === undefined ? catalog.splits : catalog.splits.filter(({ name }) => name === splitName);
  const [first] = splits;
  if (first === undefined) {
    return `expected a split of ${catalog.splits.map(({ name }) => name).join(', ')}, received ${splitName}`;
  }
  if (taskId !== undefined) {
    for (const split of splits) {
      const task = split.tasks.find(({ id }) => id === taskId);
      if (task !== undefined) return { task, split };
    }
    return `expected the id of a task, received ${JSON.stringify(taskId)}`;
  }
  const position = index ?? (seed ?? 0) % first.tasks.length;
  const task = first.tasks[position];
  if (task !== undefined) return { task, split: first };
  return `expected an index below ${first.tasks.length} in split ${first.name}, received ${position}`;
}

const splitTypes: Readonly<Record<string, TaskSplit['type']>> = { train: 'train', dev: 'validation', test: 'test' };

/** @throws {UsageError} when there is neither a path nor fetched data. */
function dataFolder(path: string | undefined, benchmark: BenchmarkName, cwd: string): string {
  if (path !== undefined) return resolve(cwd, path);
  const folder = benchmarkFolder(benchmark);
  if (existsSync(folder)) return folder;
  throw new UsageError(
    `expected --${benchmark} PATH, or data in ${folder}; neither is there. "parl-mt data ${benchmark} --from hub" fetches it.`,
  );
}

/** A world without a user: the policy calls what it likes until it answers. */
const freePlay: Task = {
  id: 'free-play',
  environment: 'mcp',
  category: 'mcp',
  involvedClasses: [],
  initialConfig: '{}',
  tools: [],
  turns: [{ messages: [], groundTruth: [] }],
};

function readTasks(file: string): Task[] {
  const tasks = readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line, index) => (line.trim() === '' ? [] : [readTask(line, `${file}:${index + 1}`)]));
  if (tasks.length === 0) throw new ConfigError(`${file}: expected at least one task`);
  return tasks;
}

function readTask(line: string, where: string): Task {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new ConfigError(`${where}: expected a task as JSON: ${(error as Error).message}`);
  }
  const parsed = taskSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new ConfigError(`${where}: ${issue?.path.join('.')}: ${issue?.message}`);
  }
  if (parsed.data.environment !== 'mcp') {
    throw new ConfigError(`${where}: expected a task of environment mcp, received ${parsed.data.environment}`);
  }
  return parsed.data;
}
