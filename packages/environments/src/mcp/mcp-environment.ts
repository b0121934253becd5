import {
  ConfigError,
  type McpServerConfig,
  type Task,
  type ToolCall,
  type ToolErrorCause,
  type ToolResult,
  type ToolSpec,
  UsageError,
} from '@parl-mt/schema';
import { z } from 'zod';
import type { Environment } from '../environment.js';
import type { McpConnection } from './mcp-connection.js';
import { readToolArguments } from './tool-arguments.js';

/**
 * Any MCP server as an environment: its tools are the tools, and a fresh server process or session is an episode.
 *
 * The protocol does not tell a tool that refuses a call from a tool that breaks: both answer with `isError`. Who is blamed
 * for such a result (`tool_error`) is the configuration's choice; what goes wrong below the tool is the environment's. There is no way to copy a
 * foreign process, so snapshots and digests are refused. Without a guard around it the SDK's deadline of 60 s per request
 * holds.
 */
export class McpEnvironment implements Environment {
  readonly supportsSnapshots = false;
  readonly #config: McpServerConfig;
  #connection: McpConnection | undefined;
  #opening: { readonly abort: AbortController; readonly ended: Promise<unknown> } | undefined;
  #tools: readonly ToolSpec[] = [];
  #offered: ReadonlySet<string> | undefined;

  constructor(config: McpServerConfig) {
    this.#config = config;
  }

  /** The server's tools; where the task names some, only those. Empty before the first reset: there is no server yet. */
  tools(): readonly ToolSpec[] {
    return this.#tools;
  }

  /**
   * Starts the server, or keeps it where its lifetime is "environment".
   *
   * @param seed - stands for {seed} in the server's configuration.
   * @throws {ConfigError} when the task names a tool that the server does not have.
   * @throws an error that says what the server did, when it does not start.
   */
  async reset(task: Task, seed: number): Promise<void> {
    if (this.#config.lifetime === 'episode' || this.#connection?.isOpen !== true) await this.#open(seed);
    const named = [...task.tools, ...(task.heldOutTools ?? [])].map(({ name }) => name);
    this.#offered = named.length === 0 ? undefined : new Set(named);
    await this.#refreshTools();
    const missing = named.filter((name) => !this.#tools.some((tool) => tool.name === name));
    if (missing.length > 0) {
      const known = this.#tools.map(({ name }) => name).join(', ');
      throw new ConfigError(
        `task ${task.id}: expected tools of the MCP server (${known}), received ${missing.join(', ')}`,
      );
    }
  }

  async call(call: ToolCall, signal?: AbortSignal): Promise<ToolResult> {
    const connection = this.#connection;
    if (connection === undefined) throw new UsageError('expected reset() before call(): there is no episode');
    if (!this.#tools.some(({ name }) => name === call.name)) {
      return problem('policy', 'unknown_tool', `there is no tool named ${JSON.stringify(call.name.slice(0, 200))}`);
    }
    const args = readToolArguments(call.arguments);
    if (!args.ok) {
      const message = `expected the arguments of ${call.name} to be the JSON text of an object, ${args.problem}`;
      return problem('policy', 'invalid_arguments', message);
    }
    connection.takeInvalidOutput();
    try {
      const { resultText } = await import('./result-text.js');
      const result = await connection.call(call.name, args.value, signal);
      const content = resultText(result);
      // A list that does not come leaves the old one: the result is there all the same.
      await this.#refreshTools().catch(() => {});
      if (result.isError !== true) return { content, isError: false };
      return { content, isError: true, fault: this.#config.toolErrorFault, cause: 'tool_error' };
    } catch (error) {
      return await explainFailure(error, connection, call.name, signal);
    }
  }

  snapshot(): never {
    throw unsupported('snapshot');
  }

  restore(_snapshot: unknown): never {
    throw unsupported('restore');
  }

  digest(): never {
    throw unsupported('digest');
  }

  /**
   * Ends the server, with every process below it. A reset in progress fails, and the server that it was starting, or about to
   * start, is gone too when this resolves.
   */
  async close(): Promise<void> {
    const opening = this.#opening;
    opening?.abort.abort(new Error('the environment was closed while its server started'));
    await opening?.ended;
    const connection = this.#connection;
    this.#connection = undefined;
    await connection?.close();
  }

  async #open(seed: number): Promise<void> {
    const abort = new AbortController();
    // The end of the server before counts as part of the start: a close that comes meanwhile has to find it.
    const connecting = this.close().then(() => this.#connect(seed, abort.signal));
    const opening = { abort, ended: connecting.catch(() => {}) };
    this.#opening = opening;
    try {
      this.#connection = await connecting;
    } finally {
      if (this.#opening === opening) this.#opening = undefined;
    }
  }

  async #connect(seed: number, signal: AbortSignal): Promise<McpConnection> {
    signal.throwIfAborted();
    const { McpConnection } = await import('./mcp-connection.js');
    const connection = await McpConnection.open(this.#config, seed, signal);
    if (signal.aborted) {
      await connection.close();
      throw signal.reason;
    }
    return connection;
  }

  async #refreshTools(): Promise<void> {
    const all = (await this.#connection?.tools()) ?? [];
    const offered = this.#offered;
    this.#tools = offered === undefined ? all : all.filter(({ name }) => offered.has(name));
  }
}

/** Sorts what the SDK throws by who is to blame. Where the caller has cancelled, that is passed on. */
async function explainFailure(
  error: unknown,
  connection: McpConnection,
  name: string,
  signal: AbortSignal | undefined,
): Promise<ToolResult> {
  const { ErrorCode, McpError } = await import('@modelcontextprotocol/sdk/types.js');
  const garbage = connection.takeInvalidOutput();
  if (garbage !== undefined) {
    return problem('environment', 'invalid_result', `${name} did not answer in the protocol`, garbage.message);
  }
  if (signal?.aborted === true) throw error;
  if (connection.end !== undefined) {
    return problem('environment', 'connection', 'the tool server is gone', connection.end);
  }
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof McpError) {
    if (error.code === ErrorCode.InvalidParams) return problem('policy', 'invalid_arguments', message);
    if (error.code === ErrorCode.RequestTimeout) return problem('environment', 'call_deadline', message);
    if (error.code === ErrorCode.ConnectionClosed) return problem('environment', 'connection', message);
    return problem('environment', 'exception', message);
  }
  if (error instanceof z.core.$ZodError) {
    return problem('environment', 'invalid_result', `${name} answered with something that is no tool result`, message);
  }
  return problem('environment', 'connection', message);
}

function problem(
  fault: NonNullable<ToolResult['fault']>,
  cause: ToolErrorCause,
  message: string,
  detail?: string,
): ToolResult {
  return {
    content: `Error during execution: ${message}`,
    isError: true,
    fault,
    cause,
    ...(detail === undefined ? {} : { detail }),
  };
}

function unsupported(operation: string): UsageError {
  return new UsageError(
    `expected an environment with snapshots for ${operation}(), received an MCP server: its state lies in a foreign process`,
  );
}
