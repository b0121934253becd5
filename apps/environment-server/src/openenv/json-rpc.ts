import type { EpisodeSession, Frame } from '../episode-session.js';
import { toolList } from '../episode-session.js';
import { SessionError } from '../session-error.js';
import { CapacityError, type SessionPool } from '../session-pool.js';
import { BodyError, rpcRequestSchema } from './messages.js';
import { argumentsText } from './perform.js';

/** A JSON-RPC answer: `result` or `error`, and the request's id. */
export type RpcAnswer = { readonly jsonrpc: '2.0'; readonly id: string | number | null } & (
  | { readonly result: unknown }
  | { readonly error: { readonly code: number; readonly message: string; readonly data?: unknown } }
);

class RpcError extends Error {
  readonly code: number;
  readonly data: unknown;

  constructor(code: number, message: string, data?: unknown) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

const PARSE_ERROR = -32700;
const INVALID_REQUEST = -32600;
const METHOD_NOT_FOUND = -32601;
const INVALID_PARAMS = -32602;
const INTERNAL_ERROR = -32603;
const SERVER_ERROR = -32000;

/** Where a request came in. */
export interface RpcContext {
  readonly pool: SessionPool;
  /** The session of the socket that the request came over; absent: `session_id` names one, or the work gets its own. */
  readonly own?: { readonly id: string; readonly session: EpisodeSession } | undefined;
  /** Whether a socket holds that session: then closing it has to wait for the socket. */
  readonly isAttached: (sessionId: string) => boolean;
  readonly closeWhenDetached: (sessionId: string) => void;
  /** For failures nobody foresaw. */
  readonly onError: (error: unknown) => void;
}

/**
 * OpenEnv's JSON-RPC: `tools/list`, `tools/call`, `openenv/session/create`, `openenv/session/close`. Never throws.
 *
 * @param text - the whole request, or the frame that holds it at `path`.
 */
export async function answerRpc(text: string, path: readonly string[], context: RpcContext): Promise<RpcAnswer> {
  let value: unknown;
  try {
    value = path.reduce<unknown>((parent, key) => (parent as Record<string, unknown>)[key], JSON.parse(text));
  } catch {
    return failure(null, new RpcError(PARSE_ERROR, 'Parse error'));
  }
  const parsed = rpcRequestSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return failure(null, new RpcError(INVALID_REQUEST, `Invalid request: ${issue?.path.join('.')}: ${issue?.message}`));
  }
  const { method, params, id = null } = parsed.data;
  try {
    return { jsonrpc: '2.0', id, result: await perform(method, params, text, path, context) };
  } catch (error) {
    return failure(id, error, context.onError);
  }
}

async function perform(
  method: string,
  params: Readonly<Record<string, unknown>>,
  text: string,
  path: readonly string[],
  context: RpcContext,
): Promise<unknown> {
  switch (method) {
    case 'openenv/session/create':
      return { session_id: (context.own ?? context.pool.open()).id };
    case 'openenv/session/close':
      return await closeSession(params, context);
    case 'tools/list':
      return await withSession(params, context, async (session) => ({ tools: toolList(await session.tools()) }));
    case 'tools/call': {
      const { name } = params;
      if (typeof name !== 'string' || name === '') throw new RpcError(INVALID_PARAMS, "Missing 'name' in params");
      const args = params.arguments ?? {};
      if (typeof args !== 'object' || Array.isArray(args)) {
        throw new RpcError(INVALID_PARAMS, "expected 'arguments' to be an object");
      }
      const call = { name, arguments: argumentsText(text, [...path, 'params', 'arguments']) };
      return await withSession(params, context, async (session) => flat(await session.callTool(call)));
    }
    default:
      throw new RpcError(METHOD_NOT_FOUND, `Method not found: ${method.slice(0, 200)}`);
  }
}

async function closeSession(params: Readonly<Record<string, unknown>>, context: RpcContext): Promise<unknown> {
  const { session_id: id } = params;
  if (typeof id !== 'string' || id === '') throw new RpcError(INVALID_PARAMS, "'session_id' is required");
  if (id === context.own?.id) throw new RpcError(INVALID_REQUEST, 'a socket closes its own session by closing');
  if (context.isAttached(id)) {
    context.closeWhenDetached(id);
    return { session_id: id, closed: false, closing: true };
  }
  if (!(await context.pool.close(id))) throw new RpcError(INVALID_PARAMS, `Unknown session_id: ${id.slice(0, 200)}`);
  return { session_id: id, closed: true };
}

async function withSession<T>(
  params: Readonly<Record<string, unknown>>,
  { pool, own }: RpcContext,
  work: (session: EpisodeSession) => Promise<T>,
): Promise<T> {
  if (own !== undefined) return await work(own.session);
  const { session_id: id } = params;
  if (id === undefined || id === null) return await pool.use(work);
  const found = typeof id === 'string' ? pool.find(id) : undefined;
  if (found === undefined) throw new RpcError(INVALID_PARAMS, `Unknown session_id: ${String(id).slice(0, 200)}`);
  return await work(found.session);
}

/** Reward and end of the episode beside the observation, as OpenEnv's own server prints them here. */
function flat({ observation, reward, done, metadata }: Frame): Record<string, unknown> {
  return { ...observation, reward, done, metadata: metadata ?? {} };
}

function failure(id: string | number | null, error: unknown, onError: (error: unknown) => void = () => {}): RpcAnswer {
  const { code, message, data } = describe(error, onError);
  return { jsonrpc: '2.0', id, error: { code, message, ...(data === undefined ? {} : { data }) } };
}

function describe(error: unknown, onError: (error: unknown) => void): RpcError {
  if (error instanceof RpcError) return error;
  if (error instanceof BodyError) return new RpcError(INVALID_PARAMS, error.message);
  if (error instanceof SessionError) return new RpcError(INTERNAL_ERROR, error.message);
  if (error instanceof CapacityError) {
    const { activeSessions, maxSessions } = error;
    const data = { active_sessions: activeSessions, max_sessions: maxSessions };
    return new RpcError(SERVER_ERROR, error.message, data);
  }
  onError(error);
  return new RpcError(INTERNAL_ERROR, error instanceof Error ? error.message : String(error));
}
