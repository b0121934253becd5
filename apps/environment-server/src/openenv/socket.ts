import type { RawData, WebSocket } from 'ws';
import { SessionError } from '../session-error.js';
import { CapacityError, type PooledSession, type SessionPool } from '../session-pool.js';
import type { AttachedSessions } from './attached-sessions.js';
import { answerRpc } from './json-rpc.js';
import { BodyError, type FrameType, frameSchemas, parseBody } from './messages.js';
import { performReset, performStep } from './perform.js';

/** Requests of one socket that wait for their answer; beyond that the socket is not read. */
const MAX_WAITING = 16;

export interface SocketContext {
  readonly pool: SessionPool;
  readonly attached: AttachedSessions;
  readonly onError: (error: unknown) => void;
}

/** Answers the requests of a socket one after the other. */
export interface SocketHandler {
  /** Resolves when no request is in work. */
  idle(): Promise<void>;
}

/**
 * Serves an episode to a socket: one session per connection, or the one that `session_id` names.
 *
 * @param sessionId - from the URL.
 * @returns undefined where the socket was refused.
 */
export function serveSocket(
  socket: WebSocket,
  sessionId: string | undefined,
  context: SocketContext,
): SocketHandler | undefined {
  const session = claim(socket, sessionId, context);
  if (session === undefined) return undefined;
  const { pool, attached } = context;
  return serveMessages(socket, {
    answer: async (text) => {
      session.touch();
      const answer = await answerFrame(text, session, context);
      session.touch();
      return answer;
    },
    onClose: () => {
      session.onExpired = undefined;
      if (sessionId === undefined) void pool.close(session.id);
      else attached.detach(session.id);
    },
  });
}

/** The web socket `/mcp`: JSON-RPC over a session of its own. */
export function serveRpcSocket(socket: WebSocket, context: SocketContext): SocketHandler | undefined {
  const session = claim(socket, undefined, context);
  if (session === undefined) return undefined;
  return serveMessages(socket, {
    answer: async (text) => {
      session.touch();
      return await answerRpc(text, [], rpcContext(session, context));
    },
    onClose: () => {
      session.onExpired = undefined;
      void context.pool.close(session.id);
    },
  });
}

function claim(
  socket: WebSocket,
  sessionId: string | undefined,
  { pool, attached, onError }: SocketContext,
): PooledSession | undefined {
  try {
    const session = sessionId === undefined ? pool.open() : attached.attach(sessionId);
    session.onExpired = () => socket.close(1001, 'idle for too long');
    return session;
  } catch (error) {
    socket.send(JSON.stringify(errorFrame(error, onError, 'SESSION_ERROR')));
    socket.close(1013, 'no session');
    return undefined;
  }
}

function rpcContext({ id, session }: PooledSession, { pool, attached, onError }: SocketContext) {
  return {
    pool,
    own: { id, session },
    isAttached: (other: string) => attached.has(other),
    closeWhenDetached: (other: string) => attached.closeWhenDetached(other),
    onError,
  };
}

interface MessageServer {
  /** The answer to a message; undefined ends the connection. Never rejects. */
  answer(text: string): Promise<object | undefined>;
  onClose(): void;
}

function serveMessages(socket: WebSocket, { answer, onClose }: MessageServer): SocketHandler {
  let last = Promise.resolve();
  let waiting = 0;
  socket.on('message', (data: RawData) => {
    waiting += 1;
    if (waiting === MAX_WAITING) socket.pause();
    last = last.then(async () => {
      if (socket.readyState === socket.OPEN) {
        const reply = await answer(textOf(data));
        if (reply === undefined) socket.close(1000);
        else if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(reply));
      }
      waiting -= 1;
      if (socket.isPaused) socket.resume();
    });
  });
  socket.on('close', onClose);
  // Errors of the connection (a frame that is too long, broken UTF-8) close it; there is nobody to tell.
  socket.on('error', () => {});
  return { idle: () => last };
}

function textOf(data: RawData): string {
  return (Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as ArrayBuffer)).toString();
}

/** @returns undefined for `close`. */
async function answerFrame(text: string, session: PooledSession, context: SocketContext): Promise<object | undefined> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return refusal('INVALID_JSON', `Invalid JSON: ${(error as Error).message}`);
  }
  const type = typeOf(value);
  if (type === undefined) return refusal('UNKNOWN_TYPE', `expected a type of ${Object.keys(frameSchemas).join(', ')}`);
  try {
    switch (type) {
      case 'reset': {
        const { data } = parseBody(frameSchemas.reset, value, []);
        return { type: 'observation', data: await performReset(session.session, data, ['data']) };
      }
      case 'step': {
        const { data } = parseBody(frameSchemas.step, value, []);
        return { type: 'observation', data: await performStep(session.session, data, text, ['data']) };
      }
      case 'state':
        parseBody(frameSchemas.state, value, []);
        return { type: 'state', data: session.session.state() };
      case 'mcp':
        parseBody(frameSchemas.mcp, value, []);
        return { type: 'mcp', data: await answerRpc(text, ['data'], rpcContext(session, context)) };
      case 'close':
        parseBody(frameSchemas.close, value, []);
        return undefined;
    }
  } catch (error) {
    return errorFrame(error, context.onError, 'EXECUTION_ERROR');
  }
}

function typeOf(value: unknown): FrameType | undefined {
  const type = typeof value === 'object' && value !== null ? (value as { type?: unknown }).type : undefined;
  return typeof type === 'string' && Object.hasOwn(frameSchemas, type) ? (type as FrameType) : undefined;
}

function errorFrame(error: unknown, onError: (error: unknown) => void, otherwise: string): object {
  if (error instanceof BodyError) return refusal('VALIDATION_ERROR', error.message, { errors: error.problems });
  if (error instanceof CapacityError) {
    const { activeSessions, maxSessions } = error;
    return refusal('CAPACITY_REACHED', error.message, { active_sessions: activeSessions, max_sessions: maxSessions });
  }
  if (error instanceof SessionError) {
    return refusal(error.kind === 'invalid' ? 'VALIDATION_ERROR' : otherwise, error.message);
  }
  onError(error);
  return refusal(otherwise, error instanceof Error ? error.message : String(error));
}

function refusal(code: string, message: string, more: object = {}): object {
  return { type: 'error', data: { message, code, ...more } };
}
