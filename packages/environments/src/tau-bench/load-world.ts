import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { ConfigError, type Task, type ToolSpec, UsageError } from '@parl-mt/schema';
import { JsonSyntaxError, readJson } from '../bfcl/python/json-reader.js';
import { pyJson } from '../bfcl/python/render.js';
import { PyDict } from '../bfcl/python/value.js';
import { RecordFields } from '../bfcl/record-fields.js';
import type { ChatFunctionTool } from './chat-function.js';
import { type TauDomain, tauDomain, tauDomainNames } from './domain.js';
import { TauTables } from './tables.js';
import { readTauTasks, type TauTask, toTask } from './task.js';

/** Everything of a domain that is read from files: immutable, shared by all its episodes. */
export interface TauWorld {
  readonly domain: TauDomain;
  readonly tables: TauTables;
  /** The policy that the agent must follow: the system prompt. */
  readonly wiki: string;
  /** Rules of the domain; the official runner does not use them. */
  readonly rules: readonly string[];
  /** Functions in the order in which a model sees them. */
  readonly tools: readonly ToolSpec[];
  /** The same as chat APIs take them: `{type: "function", function}`. */
  readonly chatTools: readonly ChatFunctionTool[];
  /** {@link chatTools} as Python's `json.dumps` prints them, for prompts. */
  readonly toolsText: string;
  /** @throws {UsageError} when the file of the task set is missing, naming those that are there. */
  tasks(split: string): readonly TauTask[];
}

/**
 * Reads a domain.
 *
 * @param directory - folder with `airline/` and `retail/`, each of `<table>.json` or `<table>.json.gz`, `wiki.md`,
 *   `rules.json`, `tools.json` and `tasks_<split>.json`; or the folder above it, called `tau-bench` in it.
 * @throws {UsageError} when a file is missing; {ConfigError} when one does not have its shape.
 */
export function loadTauWorld(directory: string, domainName: string): TauWorld {
  const domain = tauDomain(domainName);
  const folder = join(tauBenchFolder(directory), domain.name);
  const tables = new TauTables(new Map(domain.tables.map((table) => [table, readTable(folder, table)])));
  const toolsJson = readText(join(folder, 'tools.json'));
  const chatTools = readToolList(toolsJson, domain, join(folder, 'tools.json'));
  const taskSets = new Map<string, readonly TauTask[]>();
  return {
    domain,
    tables,
    wiki: readText(join(folder, 'wiki.md')),
    rules: new RecordFields({ rules: JSON.parse(readText(join(folder, 'rules.json'))) }, 'rules.json').texts('rules'),
    tools: chatTools.map(toToolSpec),
    chatTools,
    toolsText: pyJson(readJson(toolsJson)),
    tasks(split) {
      let tasks = taskSets.get(split);
      if (tasks === undefined) {
        tasks = readTaskSet(folder, domain, split);
        taskSets.set(split, tasks);
      }
      return tasks;
    },
  };
}

/** Domains whose data is in a folder. */
export function tauDomainsIn(directory: string): string[] {
  const folder = tauBenchFolder(directory);
  return tauDomainNames.filter((name) => existsSync(join(folder, name, 'tools.json')));
}

/** Task sets of a domain that are in a folder, the official default first. */
export function tauSplitsIn(directory: string, domainName: string): string[] {
  const domain = tauDomain(domainName);
  const folder = join(tauBenchFolder(directory), domain.name);
  return domain.splits.filter((split) => hasTaskSet(folder, split));
}

/**
 * The tasks of one set in the shape that every environment shares.
 *
 * @throws as {@link loadTauWorld}.
 */
export function loadTauBenchTasks(directory: string, domainName: string, split: string): Task[] {
  const world = sharedTauWorld(directory, domainName);
  return world.tasks(split).map((task) => toTask(task, world.tools));
}

/** A task of a world in the shape that every environment shares. */
export function tauTaskOf(world: TauWorld, task: TauTask): Task {
  return toTask(task, world.tools);
}

const worlds = new Map<string, TauWorld>();

/** {@link loadTauWorld}, read once per process and folder: nothing writes into a world, so episodes share it. */
export function sharedTauWorld(directory: string, domainName: string): TauWorld {
  const key = `${tauBenchFolder(directory)}\0${domainName}`;
  let world = worlds.get(key);
  if (world === undefined) {
    world = loadTauWorld(directory, domainName);
    worlds.set(key, world);
  }
  return world;
}

function tauBenchFolder(directory: string): string {
  const inner = join(directory, 'tau-bench');
  return existsSync(join(inner, 'airline')) || existsSync(join(inner, 'retail')) ? inner : directory;
}

function readText(file: string): string {
  if (existsSync(file)) return readFileSync(file, 'utf8');
  if (existsSync(`${file}.gz`)) return gunzipSync(readFileSync(`${file}.gz`)).toString('utf8');
  throw new UsageError(`expected a tau-bench file at ${file}, there is none; "parl-mt data tau-bench" fetches them`);
}

function readTable(folder: string, table: string): ReadonlyMap<string, PyDict> {
  const file = join(folder, `${table}.json`);
  const records = readObject(readText(file), file);
  return new Map(
    Array.from(records.entries(), ([id, record]) => {
      if (!(record instanceof PyDict)) throw new ConfigError(`${file}: expected record ${id} to be an object`);
      return [id as string, record] as const;
    }),
  );
}

function readObject(text: string, where: string): PyDict {
  try {
    const value = readJson(text);
    if (value instanceof PyDict) return value;
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw new ConfigError(`${where}: expected JSON: ${error.message}`, { cause: error });
  }
  throw new ConfigError(`${where}: expected a JSON object`);
}

function hasTaskSet(folder: string, split: string): boolean {
  const file = join(folder, `tasks_${split}.json`);
  return existsSync(file) || existsSync(`${file}.gz`);
}

function readTaskSet(folder: string, domain: TauDomain, split: string): readonly TauTask[] {
  const file = join(folder, `tasks_${split}.json`);
  if (!hasTaskSet(folder, split)) {
    const found = domain.splits.filter((name) => hasTaskSet(folder, name));
    throw new UsageError(
      `expected the ${split} tasks of ${domain.name} at ${file}, there are none; found: ${found.join(', ') || 'no tasks'}`,
    );
  }
  return readTauTasks(readText(file), domain.name, split, file);
}

/** @throws {ConfigError} for functions that the domain does not implement, or lacks. */
function readToolList(text: string, domain: TauDomain, where: string): ChatFunctionTool[] {
  const list = new RecordFields({ tools: JSON.parse(text) }, where).fieldsList('tools');
  const tools = list.map((entry): ChatFunctionTool => {
    const fields = entry.fields('function');
    return {
      type: 'function',
      function: {
        name: fields.text('name'),
        description: fields.text('description'),
        parameters: fields.raw('parameters') as object,
      },
    };
  });
  const names = new Set(tools.map((tool) => tool.function.name));
  const unknown = Array.from(names).find((name) => !Object.hasOwn(domain.tools, name));
  const absent = Object.keys(domain.tools).find((name) => !names.has(name));
  if (unknown !== undefined || absent !== undefined) {
    throw new ConfigError(
      `${where}: expected the functions ${Object.keys(domain.tools).join(', ')}; ` +
        (unknown === undefined ? `${absent} is missing` : `${unknown} is not known`),
    );
  }
  return tools;
}

function toToolSpec(tool: ChatFunctionTool): ToolSpec {
  const { name, description, parameters } = tool.function;
  return { name, description, parameters: { ...parameters } };
}
