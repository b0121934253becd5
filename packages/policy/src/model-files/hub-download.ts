import { createHash, type Hash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { threadId } from 'node:worker_threads';
import { HubApiError } from '@huggingface/hub';
import { UsageError } from '@parl-mt/schema';

/** A file as the hub lists it. */
export interface ListedFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** SHA-256 of a large file (64 digits), Git's hash of a small one (40 digits). */
  readonly hash: string;
}

/** How a file's content is asked for. */
export interface DownloadSource {
  /** Answers a GET of the file, with these headers. */
  readonly request: (headers: Record<string, string>) => Promise<Response>;
  /** Called once before the first byte, with what is there already. */
  readonly onStart?: (doneBytes: number) => void;
  /** Called at the start, for about each MiB, and at the end. */
  readonly onProgress?: ((doneBytes: number) => void) | undefined;
}

/** Blobs that this thread is writing. */
const running = new Map<string, Promise<void>>();

/**
 * Sees to it that a blob, named by its hash, is in the folder. It is written under another name, and gets its own when the hash is
 * right. What an earlier try has left is not asked for again. Processes that want the same file at the same time each write their own.
 *
 * The client's own downloads neither go on with a part nor check hashes, and take the whole file for the rest where a server
 * ignores the range; hence plain requests.
 *
 * @throws {UsageError} when the content has another size or hash; it is removed.
 * @throws {HubApiError} for a status that is no success; errors of `request` and of the file system as they are.
 */
export async function downloadBlob(blobs: string, file: ListedFile, source: DownloadSource): Promise<void> {
  const blob = path.join(blobs, file.hash);
  while (running.has(blob)) await running.get(blob)!.catch(() => undefined);
  if (existsSync(blob)) return;
  const download = receiveBlob(blobs, file, source);
  running.set(blob, download);
  try {
    await download;
  } finally {
    running.delete(blob);
  }
}

async function receiveBlob(blobs: string, file: ListedFile, source: DownloadSource): Promise<void> {
  await mkdir(blobs, { recursive: true });
  const part = await claimPart(blobs, file.hash);
  const received = await receive(part, file, source);
  if (received !== file.hash) {
    await rm(part, { force: true });
    throw new UsageError(
      `expected ${file.path} with hash ${file.hash}, received ${received}: it was removed, try again`,
    );
  }
  await rename(part, path.join(blobs, file.hash));
}

/** Completes the part; hash of the whole. */
async function receive(part: string, file: ListedFile, source: DownloadSource): Promise<string> {
  let doneBytes = await sizeOf(part);
  if (doneBytes > file.sizeBytes) doneBytes = 0;
  source.onStart?.(doneBytes);
  let response: Response | undefined;
  if (doneBytes < file.sizeBytes || doneBytes === 0) {
    response = await ask(source, doneBytes);
    // A server that does not know ranges sends the whole.
    if (response.status !== 206) doneBytes = 0;
  }
  const hash = startHash(file);
  if (doneBytes > 0) for await (const piece of createReadStream(part)) hash.update(piece as Buffer);
  source.onProgress?.(doneBytes);
  if (response !== undefined) {
    await append(part, doneBytes, response, file, (piece, done) => {
      hash.update(piece);
      if (done === file.sizeBytes || Math.floor(done / 2 ** 20) > Math.floor((done - piece.length) / 2 ** 20)) {
        source.onProgress?.(done);
      }
    });
  }
  return hash.digest('hex');
}

async function ask(source: DownloadSource, fromBytes: number): Promise<Response> {
  const isRest = fromBytes > 0;
  // Compressed on the way, a range would be one of other bytes.
  const response = await source.request({
    'accept-encoding': 'identity',
    ...(isRest ? { range: `bytes=${fromBytes}-` } : {}),
  });
  const isOtherRange =
    response.status === 206 && !(response.headers.get('content-range') ?? '').startsWith(`bytes ${fromBytes}-`);
  if (isRest && (response.status === 416 || isOtherRange)) {
    await response.body?.cancel();
    return ask(source, 0);
  }
  if (!response.ok || isOtherRange) {
    await response.body?.cancel();
    throw new HubApiError(response.url, response.status, undefined, `HTTP ${response.status} for ${response.url}`);
  }
  return response;
}

async function append(
  part: string,
  fromBytes: number,
  response: Response,
  { path: name, sizeBytes }: ListedFile,
  onPiece: (piece: Uint8Array, doneBytes: number) => void,
): Promise<void> {
  const handle = await open(part, fromBytes > 0 ? 'a' : 'w');
  let doneBytes = fromBytes;
  try {
    for await (const piece of response.body ?? []) {
      doneBytes += piece.length;
      if (doneBytes > sizeBytes) break;
      await handle.writeFile(piece);
      onPiece(piece, doneBytes);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  if (doneBytes > sizeBytes) {
    await rm(part, { force: true });
    throw new UsageError(`expected ${sizeBytes} bytes of ${name}, received more: it was removed, try again`);
  }
  if (doneBytes < sizeBytes)
    throw new Error(`the connection ended after ${doneBytes} of ${sizeBytes} bytes of ${name}`);
}

function startHash({ hash, sizeBytes }: ListedFile): Hash {
  return hash.length === 64 ? createHash('sha256') : createHash('sha1').update(`blob ${sizeBytes}\0`);
}

/** Caches are shared between machines and containers, whose process ids say nothing here. */
const HOST = createHash('sha256').update(os.hostname()).digest('hex').slice(0, 8);
/** A part of another machine that nobody has written to for so long is given up. Connections time out in half of it. */
const GIVEN_UP_AFTER_MS = 10 * 60_000;

/**
 * The name that this thread writes a file under. What a process that is gone has left of the same file is taken over; two that are
 * alive do not write into one.
 */
async function claimPart(blobs: string, hash: string): Promise<string> {
  const own = path.join(blobs, `${hash}.${HOST}-${process.pid}-${threadId}.incomplete`);
  if ((await sizeOf(own)) > 0) return own;
  for (const name of await readdir(blobs)) {
    const [, host, pid] = new RegExp(`^${hash}\\.([0-9a-f]{8})-(\\d+)-\\d+\\.incomplete$`).exec(name) ?? [];
    if (host === undefined) continue;
    const part = path.join(blobs, name);
    const isLeft = host === HOST ? !isAlive(Number(pid)) : await isGivenUp(part);
    if (!isLeft) continue;
    try {
      await rename(part, own);
      return own;
    } catch {
      // Another process was faster.
    }
  }
  return own;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function isGivenUp(part: string): Promise<boolean> {
  return stat(part).then(
    ({ mtimeMs }) => Date.now() - mtimeMs > GIVEN_UP_AFTER_MS,
    () => false,
  );
}

async function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    ({ size }) => size,
    () => 0,
  );
}
