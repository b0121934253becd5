import type { RunQueue } from './run-queue.js';
import { hasEnded } from './run-resource.js';
import type { RunStore, StoredEvent } from './run-store.js';

export interface EventStreamOptions {
  readonly store: Pick<RunStore, 'get' | 'events'>;
  readonly queue: Pick<RunQueue, 'subscribe'>;
  /** Silence after which a comment line is sent, in milliseconds, so that proxies keep the connection. */
  readonly heartbeatMs: number;
  /** Ends every stream when the server closes. */
  readonly closing: AbortSignal;
}

/** Events read from the store at a time. */
const PAGE = 200;

/**
 * A run's events as server-sent events: those stored after `after`, then new ones as they come, until the run ends.
 * The store is the only source, so a stream that reconnects with Last-Event-ID misses nothing and repeats nothing.
 */
export async function* eventStream(options: EventStreamOptions, id: string, after: number): AsyncGenerator<string> {
  const { store, queue, closing } = options;
  let wake = () => {};
  const unsubscribe = queue.subscribe(id, () => wake());
  closing.addEventListener('abort', () => wake(), { once: true });
  let last = after;
  try {
    yield 'retry: 2000\n\n';
    while (!closing.aborted) {
      // Armed before reading: an event between the read and the wait would otherwise be noticed a heartbeat late.
      const woken = new Promise<'event'>((resolve) => {
        wake = () => resolve('event');
      });
      const status = store.get(id)?.status;
      const events = store.events(id, last, PAGE);
      if (events.length > 0) {
        last = events.at(-1)!.sequence;
        yield events.map(formatEvent).join('');
      } else if (status === undefined || hasEnded(status)) {
        return;
      } else if ((await firstOf(woken, options.heartbeatMs)) === 'heartbeat') {
        yield ': heartbeat\n\n';
      }
    }
  } finally {
    unsubscribe();
  }
}

function formatEvent({ sequence, type, data }: StoredEvent): string {
  // JSON text holds no raw line break, so one data line is enough.
  return `id: ${sequence}\nevent: ${type}\ndata: ${data}\n\n`;
}

async function firstOf(woken: Promise<'event'>, heartbeatMs: number): Promise<'event' | 'heartbeat'> {
  let timer: NodeJS.Timeout | undefined;
  const heartbeat = new Promise<'heartbeat'>((resolve) => {
    timer = setTimeout(() => resolve('heartbeat'), heartbeatMs);
  });
  try {
    return await Promise.race([woken, heartbeat]);
  } finally {
    clearTimeout(timer);
  }
}
