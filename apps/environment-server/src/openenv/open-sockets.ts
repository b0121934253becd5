import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { SocketHandler } from './socket.js';

/** A dead peer is noticed after two of these, in milliseconds. */
const PING_INTERVAL_MS = 30_000;
/** Time in milliseconds that a client gets to answer the closing handshake. */
const CLOSE_TIMEOUT_MS = 500;

interface OpenSocket {
  readonly handler: SocketHandler;
  isAlive: boolean;
}

/** Web sockets in use: pinged, so that a client that is gone gives its place back, and ended gently. */
export class OpenSockets {
  readonly #server: WebSocketServer;
  readonly #open = new Map<WebSocket, OpenSocket>();
  readonly #timer = setInterval(() => this.#ping(), PING_INTERVAL_MS).unref();

  /** @param maxFrameBytes - a longer frame ends its connection. */
  constructor(maxFrameBytes: number) {
    this.#server = new WebSocketServer({ noServer: true, maxPayload: maxFrameBytes });
  }

  /** Answers the opening handshake of a request and serves the socket. */
  accept(
    request: IncomingMessage,
    connection: Duplex,
    head: Buffer,
    serve: (socket: WebSocket) => SocketHandler | undefined,
  ): void {
    this.#server.handleUpgrade(request, connection, head, (socket) => {
      const handler = serve(socket);
      if (handler === undefined) return;
      const entry = { handler, isAlive: true };
      this.#open.set(socket, entry);
      socket.on('pong', () => {
        entry.isAlive = true;
      });
      socket.on('close', () => this.#open.delete(socket));
    });
  }

  /** Lets requests in work end, and closes every socket. */
  async close(graceMs: number): Promise<void> {
    clearInterval(this.#timer);
    await settledWithin(
      graceMs,
      [...this.#open.values()].map(({ handler }) => handler.idle()),
    );
    const closed = [...this.#open.keys()].map((socket) => {
      const end = new Promise<void>((resolve) => socket.once('close', () => resolve()));
      socket.close(1001, 'the server stops');
      return end;
    });
    await settledWithin(CLOSE_TIMEOUT_MS, closed);
    for (const socket of this.#open.keys()) socket.terminate();
  }

  #ping(): void {
    for (const [socket, entry] of this.#open) {
      if (!entry.isAlive) {
        socket.terminate();
        continue;
      }
      entry.isAlive = false;
      socket.ping();
    }
  }
}

async function settledWithin(timeoutMs: number, work: readonly Promise<void>[]): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  await Promise.race([Promise.all(work), late]);
  clearTimeout(timer);
}
