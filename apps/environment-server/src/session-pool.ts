import { randomUUID } from 'node:crypto';
import { EpisodeSession, type SessionOptions } from './episode-session.js';

/** Every place is taken. */
export class CapacityError extends Error {
  readonly activeSessions: number;
  readonly maxSessions: number;

  constructor(activeSessions: number, maxSessions: number) {
    super(`all ${maxSessions} sessions are taken (--max-sessions)`);
    this.activeSessions = activeSessions;
    this.maxSessions = maxSessions;
  }
}

/** A session in the pool. */
export interface PooledSession {
  readonly id: string;
  readonly session: EpisodeSession;
  /** Says that the client is there: idleness counts from now. */
  touch(): void;
  /** Called when the session is closed for idleness; set by whoever holds a connection to it. */
  onExpired: (() => void) | undefined;
}

export interface PoolOptions extends SessionOptions {
  readonly maxSessions: number;
  readonly idleTimeoutMs: number;
}

/** The sessions of a server: at most so many, each closed after so long a silence. */
export class SessionPool {
  readonly #options: PoolOptions;
  readonly #sessions = new Map<string, { readonly pooled: PooledSession; readonly timer: NodeJS.Timeout }>();
  /** Worlds that are still ending; they hold processes, so they count. */
  readonly #ending = new Set<Promise<void>>();

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#sessions.size + this.#ending.size;
  }

  /** @throws {CapacityError} */
  open(): PooledSession {
    const { maxSessions, idleTimeoutMs } = this.#options;
    if (this.size >= maxSessions) throw new CapacityError(this.size, maxSessions);
    const id = randomUUID();
    const timer = setTimeout(() => {
      pooled.onExpired?.();
      void this.close(id);
    }, idleTimeoutMs);
    timer.unref();
    const pooled: PooledSession = {
      id,
      session: new EpisodeSession(this.#options),
      touch: () => void timer.refresh(),
      onExpired: undefined,
    };
    this.#sessions.set(id, { pooled, timer });
    return pooled;
  }

  /** The session of an id; asking for it counts as a sign of its client. */
  find(id: string): PooledSession | undefined {
    const found = this.#sessions.get(id)?.pooled;
    found?.touch();
    return found;
  }

  /** @returns whether there was such a session. */
  async close(id: string): Promise<boolean> {
    const found = this.#sessions.get(id);
    if (found === undefined) return false;
    this.#sessions.delete(id);
    clearTimeout(found.timer);
    const ending = found.pooled.session.close();
    this.#ending.add(ending);
    try {
      await ending;
    } finally {
      this.#ending.delete(ending);
    }
    return true;
  }

  /** Closes every session, and waits also for those whose end has begun before. */
  async closeAll(): Promise<void> {
    await Promise.all([...this.#sessions.keys()].map((id) => this.close(id)));
    await Promise.allSettled([...this.#ending]);
  }

  /** A session for one piece of work. @throws {CapacityError} */
  async use<T>(work: (session: EpisodeSession) => Promise<T>): Promise<T> {
    const { id, session } = this.open();
    try {
      return await work(session);
    } finally {
      await this.close(id);
    }
  }
}
