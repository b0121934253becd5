export interface RetryOptions {
  /** Tries after the first. */
  readonly maxRetries: number;
  /** Whether another try may help, and how long the other side asked to wait; false: give up. */
  readonly judge: (error: unknown) => { readonly retryAfterMs?: number | undefined } | false;
  /** First wait, in milliseconds; it doubles with every try. Default 500. */
  readonly baseDelayMs?: number;
  /** Longest wait, in milliseconds, also when the other side asks for more. Default 60,000. */
  readonly maxDelayMs?: number;
  /** In [0, 1). Default Math.random. */
  readonly random?: () => number;
  /** Waits, and rejects when the signal aborts. Default by timers. */
  readonly sleep?: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
  readonly signal?: AbortSignal | undefined;
  readonly onRetry?: (() => void) | undefined;
}

/**
 * Runs a task until it succeeds, fails for good, or the tries are used up; rejects with the last error.
 *
 * The n-th wait is drawn from the upper half of [0, base * 2^n], capped: many clients that were refused together come back
 * apart, and none comes back at once. A wait that the other side asked for is a lower bound.
 */
export async function withRetries<T>(task: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { maxRetries, judge, baseDelayMs = 500, maxDelayMs = 60_000, random = Math.random } = options;
  const sleep = options.sleep ?? sleepFor;
  for (let attempt = 0; ; attempt++) {
    try {
      return await task();
    } catch (error) {
      options.signal?.throwIfAborted();
      const verdict = attempt < maxRetries && judge(error);
      if (verdict === false) throw error;
      const backoff = baseDelayMs * 2 ** attempt * (0.5 + random() / 2);
      options.onRetry?.();
      await sleep(Math.min(Math.max(backoff, verdict.retryAfterMs ?? 0), maxDelayMs), options.signal);
    }
  }
}

function sleepFor(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', abort, { once: true });
  });
}
