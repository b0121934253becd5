import { type Readable, Transform, type TransformCallback, type Writable } from 'node:stream';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import type { EnvironmentServerConfig } from '@parl-mt/schema';
import { catalogName } from '../catalog-name.js';
import type { EpisodeSession } from '../episode-session.js';
import { parseWithArguments } from './arguments-meta.js';
import { createToolServer } from './tool-server.js';

export interface StdioOptions {
  readonly config: EnvironmentServerConfig;
  readonly version: string;
  readonly cwd: string;
  readonly input: Readable;
  /** Nothing but protocol messages is written here. */
  readonly output: NodeJS.WritableStream;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Serves one MCP client over a pair of streams, until its input ends or the signal is aborted.
 *
 * @throws {UsageError | ConfigError} for benchmark data that is missing or broken.
 */
export async function serveMcpStdio(options: StdioOptions): Promise<void> {
  const { config, version, cwd, input, output, log, signal } = options;
  const onError = (error: unknown) => log(`${error instanceof Error ? error.message : String(error)}\n`);
  let session: Promise<EpisodeSession> | undefined;
  let failure: unknown;
  const open = () => {
    session ??= openSession(config, cwd);
    return session;
  };
  const server = createToolServer(open, { name: catalogName(config.benchmark), version, onError });
  const lines = new SpelledArguments(config.maxMessageBytes);
  const ended = new Promise<void>((resolve) => {
    for (const event of ['end', 'close', 'error']) lines.once(event, () => resolve());
    server.onclose = () => resolve();
    server.oninitialized = () => {
      open().catch((error: unknown) => {
        failure = error;
        resolve();
      });
    };
    signal.addEventListener('abort', () => resolve(), { once: true });
    if (signal.aborted) resolve();
    output.on('error', () => resolve());
  });
  lines.on('error', onError);
  await server.connect(
    new StdioServerTransport(input.pipe(lines), output as Writable, { maxBufferSize: 4 * config.maxMessageBytes }),
  );
  await ended;
  // Requests that came just before the end of the input still have their answers on the way.
  await new Promise((resolve) => setImmediate(resolve));
  await server.close();
  await session?.then((opened) => opened.close()).catch(() => {});
  input.unpipe(lines);
  input.destroy();
  if (failure !== undefined) throw failure;
}

async function openSession(config: EnvironmentServerConfig, cwd: string): Promise<EpisodeSession> {
  // Loaded after the handshake, for which clients wait a few seconds only.
  const [{ EpisodeSession }, { sessionOptions }, { loadCatalog }] = await Promise.all([
    import('../episode-session.js'),
    import('../session-options.js'),
    import('../task-catalog.js'),
  ]);
  return new EpisodeSession(await sessionOptions(config, loadCatalog(config, cwd)));
}

/** Passes lines on, with the arguments of tool calls also as they were spelled. */
class SpelledArguments extends Transform {
  readonly #maxLineBytes: number;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(maxLineBytes: number) {
    super();
    this.#maxLineBytes = maxLineBytes;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      this.#keep(chunk.subarray(start, end));
      if (this.#bytes <= this.#maxLineBytes) this.push(`${rewritten(Buffer.concat(this.#parts).toString())}\n`);
      this.#parts = [];
      this.#bytes = 0;
      start = end + 1;
    }
    this.#keep(chunk.subarray(start));
    // A line without an end must not fill the memory; the client gets no answer to what it cannot have meant.
    done(this.#bytes > this.#maxLineBytes ? new Error(`expected lines of at most ${this.#maxLineBytes} bytes`) : null);
  }

  #keep(part: Buffer): void {
    if (part.length === 0) return;
    this.#bytes += part.length;
    if (this.#bytes <= this.#maxLineBytes) this.#parts.push(part);
  }
}

function rewritten(line: string): string {
  try {
    return JSON.stringify(parseWithArguments(line));
  } catch {
    // The SDK says what is wrong with it.
    return line;
  }
}
