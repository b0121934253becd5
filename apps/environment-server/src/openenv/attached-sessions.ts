import { SessionError } from '../session-error.js';
import type { PooledSession, SessionPool } from '../session-pool.js';

/** Sessions that JSON-RPC has created and a socket has joined. The socket's end does not end them. */
export class AttachedSessions {
  readonly #pool: SessionPool;
  readonly #ids = new Set<string>();
  readonly #closing = new Set<string>();

  constructor(pool: SessionPool) {
    this.#pool = pool;
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /** @throws {SessionError} when there is no such session, or a socket has it already. */
  attach(id: string): PooledSession {
    const session = this.#pool.find(id);
    if (session === undefined) throw new SessionError('out_of_turn', `Unknown session_id: ${id.slice(0, 200)}`);
    if (this.#ids.has(id)) throw new SessionError('out_of_turn', `Session ${id} has a socket already`);
    this.#ids.add(id);
    return session;
  }

  detach(id: string): void {
    this.#ids.delete(id);
    if (this.#closing.delete(id)) void this.#pool.close(id);
  }

  closeWhenDetached(id: string): void {
    this.#closing.add(id);
  }
}
