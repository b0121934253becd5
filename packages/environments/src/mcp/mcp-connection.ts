import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  type CallToolResult,
  CallToolResultSchema,
  ListToolsResultSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import type { McpServerConfig, ToolSpec } from '@parl-mt/schema';
import { z } from 'zod';
import { type EpisodeServer, episodeServer } from './episode-folder.js';
import { httpTransport } from './http-transport.js';
import { InvalidOutputError, StdioTransport } from './stdio-transport.js';

/** Pages of a tool list; a server that goes on has a cursor that runs in circles. */
const MAX_PAGES = 1000;
/** Longest time that a timer can wait. Deadlines are the guard's; without a guard the SDK's 60 s per request hold. */
const NO_TIMEOUT_MS = 2 ** 31 - 1;
/** Time in milliseconds that the end of an HTTP session may take. */
const TERMINATE_TIMEOUT_MS = 2000;

const CLIENT = { name: 'parl-mt', version: '0.1.0' };

/** An initialized session with a server. Loading this module loads the SDK. */
export class McpConnection {
  readonly #client = new Client(CLIENT, { capabilities: {} });
  readonly #transport: StdioTransport | StreamableHTTPClientTransport;
  readonly #folder: EpisodeServer | undefined;
  #isOpen = true;
  #toolsAreStale = true;
  #tools: readonly ToolSpec[] = [];
  #invalidOutput: Error | undefined;

  private constructor(transport: StdioTransport | StreamableHTTPClientTransport, folder: EpisodeServer | undefined) {
    this.#transport = transport;
    this.#folder = folder;
    this.#client.onclose = () => {
      this.#isOpen = false;
    };
    this.#client.onerror = (error) => {
      if (isInvalidOutput(error)) this.#invalidOutput = error;
    };
    this.#client.setNotificationHandler(ToolListChangedNotificationSchema, () => {
      this.#toolsAreStale = true;
    });
  }

  /**
   * Starts the server or opens a session with it.
   *
   * @param signal - aborts the start; what has been started is closed then.
   * @throws an error that says what the server did instead.
   */
  static async open(config: McpServerConfig, seed: number, signal: AbortSignal): Promise<McpConnection> {
    const folder = config.transport === 'stdio' ? await episodeServer(config, seed) : undefined;
    const transport = config.transport === 'stdio' ? new StdioTransport(folder!.server) : httpTransport(config);
    const connection = new McpConnection(transport, folder);
    const abort = () => void connection.close();
    signal.addEventListener('abort', abort);
    try {
      signal.throwIfAborted();
      await connection.#client.connect(transport, { signal, timeout: NO_TIMEOUT_MS });
      return connection;
    } catch (error) {
      await connection.close();
      throw new Error(connection.#explain(error), { cause: error });
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** How the server ended, where it has. */
  get end(): string | undefined {
    if (this.#isOpen) return undefined;
    return (this.#transport instanceof StdioTransport ? this.#transport.end : undefined) ?? 'the connection is closed';
  }

  /** What the server last wrote that is no message of the protocol; reading it forgets it. */
  takeInvalidOutput(): Error | undefined {
    const error = this.#invalidOutput;
    this.#invalidOutput = undefined;
    return error;
  }

  /** The server's tools, all pages; asked for again only after the server said that they changed. */
  async tools(): Promise<readonly ToolSpec[]> {
    if (this.#toolsAreStale) {
      this.#toolsAreStale = false;
      this.#tools = await this.#listTools();
    }
    return this.#tools;
  }

  /** @throws {McpError | ZodError | Error} whatever the SDK throws. */
  async call(name: string, args: Record<string, unknown>, signal: AbortSignal | undefined): Promise<CallToolResult> {
    // Not `callTool`: that compiles and runs the server's own output schemas.
    return await this.#client.request(
      { method: 'tools/call', params: { name, arguments: args } },
      CallToolResultSchema,
      {
        ...(signal === undefined ? {} : { signal, timeout: NO_TIMEOUT_MS }),
      },
    );
  }

  /** Ends the session, the server process with all below it, and its folder. Idempotent, never throws. */
  async close(): Promise<void> {
    if (!(this.#transport instanceof StdioTransport)) await terminate(this.#transport);
    await this.#client.close().catch(() => {});
    await this.#transport.close().catch(() => {});
    await this.#folder?.dispose().catch(() => {});
  }

  async #listTools(): Promise<ToolSpec[]> {
    const tools: ToolSpec[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < MAX_PAGES; page++) {
      const listed = await this.#client.request(
        { method: 'tools/list', params: cursor === undefined ? {} : { cursor } },
        ListToolsResultSchema,
      );
      tools.push(
        ...listed.tools.map(({ name, description, inputSchema }) => ({
          name,
          description: description ?? '',
          parameters: inputSchema as Record<string, unknown>,
        })),
      );
      cursor = listed.nextCursor;
      if (cursor === undefined) return tools;
    }
    throw new Error(`expected the tool list to end within ${MAX_PAGES} pages`);
  }

  #explain(error: unknown): string {
    const message = error instanceof Error ? error.message : String(error);
    const garbage = this.takeInvalidOutput();
    const end = this.#transport instanceof StdioTransport ? this.#transport.end : undefined;
    return [message, garbage?.message, end].filter((part) => part !== undefined).join('; ');
  }
}

/** No JSON, JSON of another shape, or (over HTTP) another content type: the SDK reports the last with code -1. */
function isInvalidOutput(error: Error): boolean {
  return (
    error instanceof InvalidOutputError ||
    error instanceof SyntaxError ||
    error instanceof z.core.$ZodError ||
    (error as { code?: unknown }).code === -1
  );
}

/** Tells the server that the session is over; a server that does not answer is left alone. */
async function terminate(transport: StreamableHTTPClientTransport): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, TERMINATE_TIMEOUT_MS);
  });
  await Promise.race([transport.terminateSession().catch(() => {}), late]);
  clearTimeout(timer);
}
