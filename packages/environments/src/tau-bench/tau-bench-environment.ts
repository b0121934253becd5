import { type Task, type ToolCall, type ToolResult, type ToolSpec, UsageError } from '@parl-mt/schema';
import { JsonSyntaxError, readJson } from '../bfcl/python/json-reader.js';
import { PyDict, PythonError } from '../bfcl/python/value.js';
import type { Environment } from '../environment.js';
import { type DatabaseSnapshot, TauDatabase } from './database.js';
import { sharedTauWorld, type TauWorld } from './load-world.js';
import { calculateReward, groundTruthHash, type TauReward } from './reward.js';
import { fromTask, RESPOND, type TauAction, type TauTask } from './task.js';
import { invokeTool } from './tool.js';

export interface TauBenchEnvironmentOptions {
  /** Folder with the official data; see {@link loadTauWorld}. Read once per process. */
  readonly dataDirectory: string;
}

interface Episode {
  readonly world: TauWorld;
  readonly task: TauTask;
  readonly database: TauDatabase;
  readonly actions: TauAction[];
  isDone: boolean;
}

class TauBenchSnapshot {
  readonly database: DatabaseSnapshot;
  readonly actions: readonly TauAction[];
  readonly isDone: boolean;

  constructor({ database, actions, isDone }: Episode) {
    this.database = database.snapshot();
    this.actions = [...actions];
    this.isDone = isDone;
  }
}

/**
 * The airline and retail databases of tau-bench, without a user: calls run and results read as in the official
 * environment. For conversations with a simulated user see `TauEpisode`.
 *
 * Records are shared by all episodes and copied when first written to, so episodes see nothing of each other, and reset
 * and snapshot cost microseconds.
 */
export class TauBenchEnvironment implements Environment {
  readonly supportsSnapshots = true;
  readonly #dataDirectory: string;
  #episode: Episode | undefined;

  constructor({ dataDirectory }: TauBenchEnvironmentOptions) {
    this.#dataDirectory = dataDirectory;
  }

  /** None before the first reset: the domain is the task's. */
  tools(): readonly ToolSpec[] {
    return this.#episode?.world.tools ?? [];
  }

  /** The seed has no effect: nothing in the domains is random. */
  reset(task: Task, _seed: number): void {
    const tauTask = readTask(task);
    const world = sharedTauWorld(this.#dataDirectory, tauTask.domain);
    this.#episode = {
      world,
      task: tauTask,
      database: new TauDatabase(world.tables),
      actions: [],
      isDone: false,
    };
  }

  /** The policy of the domain: what a system prompt should say. */
  get wiki(): string {
    return this.#require('wiki').world.wiki;
  }

  /** Whether a call has ended the episode (a transfer to a human). Later calls still run. */
  get isDone(): boolean {
    return this.#require('isDone').isDone;
  }

  call(call: ToolCall): ToolResult {
    const { world, database, actions } = this.#require('call');
    const kwargs = readArguments(call);
    if (typeof kwargs === 'string') {
      return { content: kwargs, isError: true, fault: 'policy', cause: 'invalid_arguments' };
    }
    actions.push({ name: call.name, kwargs });
    const tool = Object.hasOwn(world.domain.tools, call.name) ? world.domain.tools[call.name] : undefined;
    if (tool === undefined) {
      return { content: `Unknown action ${call.name}`, isError: true, fault: 'policy', cause: 'unknown_tool' };
    }
    let content: string | null;
    try {
      content = invokeTool(world.domain.name, call.name, tool, kwargs, database);
    } catch {
      // A bug of ours: an error result, never a crashed run.
      return { content: 'Error: internal error', isError: true, fault: 'environment', cause: 'exception' };
    }
    if (world.domain.terminateTools.has(call.name)) this.#require('call').isDone = true;
    // The reference crashes here; see EpisodeCrash.
    const text = content ?? `Error: ${call.name} returned nothing`;
    if (!text.startsWith('Error: ')) return { content: text, isError: false };
    return { content: text, isError: true, fault: 'policy', cause: 'tool_error' };
  }

  /** Notes what the agent said to the user: outputs are looked for there. */
  respond(content: string): void {
    this.#require('respond').actions.push({ name: RESPOND, kwargs: PyDict.of({ content }) });
  }

  /** What the episode would earn if it ended now; nothing is changed by asking. */
  reward(): TauReward {
    const { world, task, database, actions } = this.#require('reward');
    const expected = groundTruthHash(world.domain, world.tables, task.actions);
    return calculateReward(database, actions, task.outputs, expected);
  }

  /** tau-bench's own hash of the whole database; {@link digest} is cheaper and stricter. */
  dataHash(): string {
    return this.#require('dataHash').database.dataHash();
  }

  snapshot(): unknown {
    return new TauBenchSnapshot(this.#require('snapshot'));
  }

  restore(snapshot: unknown): void {
    const episode = this.#require('restore');
    if (!(snapshot instanceof TauBenchSnapshot)) {
      throw new UsageError(`expected a snapshot of this environment, received ${typeof snapshot}`);
    }
    if (snapshot.database.tables !== episode.world.tables) {
      throw new UsageError('expected a snapshot of the same domain and data, received one of another');
    }
    episode.database.restore(snapshot.database);
    episode.actions.splice(0, episode.actions.length, ...snapshot.actions);
    episode.isDone = snapshot.isDone;
  }

  /** Of the records alone: what was only said or read does not count. */
  digest(): string {
    return this.#require('digest').database.digest();
  }

  close(): void {
    this.#episode = undefined;
  }

  #require(operation: string): Episode {
    if (this.#episode !== undefined) return this.#episode;
    throw new UsageError(`expected reset() before ${operation}(): there is no episode`);
  }
}

const readTasks = new WeakMap<Task, { readonly text: string; readonly task: TauTask }>();

/** {@link fromTask}, once per task: many episodes start from the same one. */
function readTask(task: Task): TauTask {
  const known = readTasks.get(task);
  if (known?.text === task.initialConfig) return known.task;
  const read = fromTask(task);
  readTasks.set(task, { text: task.initialConfig, task: read });
  return read;
}

/** The arguments, or the error text. */
function readArguments({ name, arguments: text }: ToolCall): PyDict | string {
  try {
    const kwargs = readJson(text);
    if (kwargs instanceof PyDict) return kwargs;
    return `Error: expected the arguments of ${name} to be a JSON object`;
  } catch (error) {
    if (!(error instanceof JsonSyntaxError) && !(error instanceof PythonError)) throw error;
    return `Error: expected the arguments of ${name} to be a JSON object: ${error.message}`;
  }
}
