import { createHash } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { UsageError } from '@parl-mt/schema';

/** Largest archive that is fetched. */
const MAX_BYTES = 500_000_000;

/** The part of the platform's fetch that is used. */
export type Fetch = (url: string, init: { headers: Record<string, string>; signal: AbortSignal }) => Promise<Response>;

export interface DownloadOptions {
  readonly fetch: Fetch;
  /** Longest wait for the answer, and for each further piece of it, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** What to do without a network, for the message. */
  readonly offlineHint: string;
  readonly onProgress?: ((bytes: number, total: number | undefined) => void) | undefined;
}

/**
 * Fetches a file. What an interrupted download left in `<file>.part` is continued where the server allows it; the file
 * itself appears whole or not at all.
 *
 * @returns SHA-256 of the content, lower-case hex.
 * @throws {UsageError} when the server cannot be reached or does not have the file.
 */
export async function download(url: string, file: string, options: DownloadOptions): Promise<string> {
  const part = `${file}.part`;
  mkdirSync(dirname(file), { recursive: true });
  const have = existsSync(part) ? statSync(part).size : 0;
  using patience = patienceOf(options);
  const response = await request(url, have > 0 ? { range: `bytes=${have}-` } : {}, options, patience.signal);
  if (response.status === 416) {
    // The part is longer than the file: it is none of it.
    rmSync(part);
    return download(url, file, options);
  }
  const isContinued = response.status === 206 && have > 0;
  if (!isContinued) writeFileSync(part, '');
  let bytes = isContinued ? have : 0;
  const rest = Number(response.headers.get('content-length') ?? Number.NaN);
  const total = Number.isFinite(rest) ? bytes + rest : undefined;
  for await (const chunk of chunksOf(response, url, options)) {
    patience.renew();
    bytes += chunk.byteLength;
    if (bytes > MAX_BYTES) throw new UsageError(`${url}: expected at most ${MAX_BYTES} bytes, received more`);
    appendFileSync(part, chunk);
    options.onProgress?.(bytes, total);
  }
  renameSync(part, file);
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

/** Fetches a small JSON document. @throws as {@link download}, and for text that is no JSON. */
export async function fetchJson(url: string, accept: string, options: DownloadOptions): Promise<unknown> {
  using patience = patienceOf(options);
  const response = await request(url, { accept }, options, patience.signal);
  const chunks: Uint8Array[] = [];
  for await (const chunk of chunksOf(response, url, options)) {
    patience.renew();
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`${url}: expected JSON, received ${JSON.stringify(text.slice(0, 80))}`);
  }
}

/** Longest time that a timer can wait. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** A signal that aborts when nothing has come for the time-out, or when the caller gives up. */
function patienceOf({ timeoutMs, signal }: DownloadOptions): Disposable & { signal: AbortSignal; renew: () => void } {
  const controller = new AbortController();
  const giveUp = () => controller.abort(new Error(`nothing came for ${timeoutMs} ms`));
  const timer = setTimeout(giveUp, Math.min(timeoutMs, MAX_TIMER_MS));
  return {
    signal: signal === undefined ? controller.signal : AbortSignal.any([controller.signal, signal]),
    renew: () => void timer.refresh(),
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}

async function request(
  url: string,
  headers: Record<string, string>,
  options: DownloadOptions,
  signal: AbortSignal,
): Promise<Response> {
  let response: Response;
  try {
    response = await options.fetch(url, { headers, signal });
  } catch (error) {
    options.signal?.throwIfAborted();
    throw unreachable(url, error, options);
  }
  if (response.ok || (response.status === 416 && headers.range !== undefined)) return response;
  throw new UsageError(`${url}: expected a file, received HTTP ${response.status}. ${options.offlineHint}`);
}

async function* chunksOf(response: Response, url: string, options: DownloadOptions): AsyncGenerator<Uint8Array> {
  if (response.body === null) return;
  try {
    for await (const chunk of response.body) yield chunk as Uint8Array;
  } catch (error) {
    options.signal?.throwIfAborted();
    throw unreachable(url, error, options, 'the connection was lost; run the command again to continue');
  }
}

function unreachable(url: string, error: unknown, { offlineHint }: DownloadOptions, what = 'could not be reached') {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const reason = cause instanceof Error ? cause.message || cause.name : String(cause);
  return new UsageError(`${url}: ${what} (${reason}). ${offlineHint}`, { cause: error });
}
