import {
  ConfigError,
  type EnvironmentLimits,
  environmentLimitsSchema,
  RolloutError,
  type Task,
  type ToolCall,
  type ToolErrorCause,
  type ToolResult,
  type ToolSpec,
  UsageError,
} from '@parl-mt/schema';
import type { Environment } from './environment.js';
import { cutToBytes, utf8BytesExceed } from './utf8-bytes.js';

/** A tool server that does not end when it is closed is left behind after this time. */
const CLOSE_TIMEOUT_MS = 10_000;

/**
 * An environment that cannot hurt its episode: whatever the one inside does (throw, hang, flood, answer garbage), a call
 * gives a well-formed result whose `fault` says who is to blame and whose `cause` says what happened, and the episode goes on.
 *
 * A call that runs in this process without awaiting anything cannot be interrupted: JavaScript has one thread. Such
 * environments have to bound their own work, as the built-in ones do; here the time they took counts towards the
 * episode's, no more.
 */
export class GuardedEnvironment implements Environment {
  readonly supportsSnapshots: boolean;
  readonly #inner: Environment;
  readonly #limits: EnvironmentLimits;
  /** Milliseconds that the calls of this episode have taken. */
  #spentMs = 0;
  #calls = 0;
  /** For the next call. A call that answers at once leaves it unused: making one costs more than the rest of the guard. */
  #controller = new AbortController();

  /** @param limits - what is left out has the default of the schema. */
  constructor(inner: Environment, limits: Partial<EnvironmentLimits> = {}) {
    this.#inner = inner;
    this.#limits = environmentLimitsSchema.parse(limits);
    this.supportsSnapshots = inner.supportsSnapshots;
  }

  tools(): readonly ToolSpec[] {
    return this.#inner.tools();
  }

  /**
   * @throws {ConfigError | UsageError} as the environment inside does.
   * @throws {RolloutError} boundary "environment", when it fails otherwise or takes too long; it is closed then.
   */
  async reset(task: Task, seed: number): Promise<void> {
    this.#spentMs = 0;
    this.#calls = 0;
    const { resetTimeoutMs } = this.#limits;
    try {
      const outcome = await withDeadline(async () => this.#inner.reset(task, seed), resetTimeoutMs);
      if (outcome === OVERDUE) throw new Error(`it took longer than ${resetTimeoutMs} ms (limits.resetTimeoutMs)`);
    } catch (error) {
      if (error instanceof ConfigError || error instanceof UsageError) throw error;
      await this.close();
      throw new RolloutError('environment', `the environment did not start: ${messageOf(error)}`, { cause: error });
    }
  }

  /** Never throws and never rejects. Synchronous where the environment inside is; then the signal has no effect. */
  call(call: ToolCall, signal?: AbortSignal): ToolResult | Promise<ToolResult> {
    this.#calls += 1;
    const { callTimeoutMs, episodeTimeoutMs } = this.#limits;
    const remainingMs = episodeTimeoutMs - this.#spentMs;
    if (remainingMs <= 0) {
      return failure('episode_deadline', `the calls of this episode have taken ${episodeTimeoutMs} ms`);
    }
    if (signal?.aborted === true) return gaveUp(signal);
    const startedAt = performance.now();
    const controller = this.#controller;
    try {
      const answer = this.#inner.call(call, controller.signal);
      if (!isPromiseLike(answer)) return this.#judge(answer, startedAt);
      this.#controller = new AbortController();
      return this.#await(answer, Math.min(callTimeoutMs, remainingMs), controller, startedAt, signal);
    } catch (error) {
      return this.#judgeError(error, startedAt);
    }
  }

  snapshot(): unknown {
    return this.#inner.snapshot();
  }

  restore(snapshot: unknown): void {
    this.#inner.restore(snapshot);
  }

  /**
   * As the environment inside says it. Where it cannot, a text that every call changes: then nothing is known to be
   * unchanged. Never throws.
   */
  digest(): string {
    if (this.supportsSnapshots) {
      try {
        return this.#inner.digest();
      } catch {
        // As if unsupported: a digest that fails must not end the episode.
      }
    }
    return `unknown after ${this.#calls} calls`;
  }

  /** Never throws; gives up on an environment that does not end in time. */
  async close(): Promise<void> {
    try {
      await withDeadline(async () => this.#inner.close(), CLOSE_TIMEOUT_MS);
    } catch {
      // The episode is over: there is nobody to tell.
    }
  }

  async #await(
    answer: PromiseLike<ToolResult>,
    timeoutMs: number,
    controller: AbortController,
    startedAt: number,
    signal: AbortSignal | undefined,
  ): Promise<ToolResult> {
    try {
      const cancel = () => controller.abort(new Error('nobody waits for the call any more'));
      const outcome = await withDeadline(() => answer, timeoutMs, cancel, signal);
      if (outcome !== OVERDUE) return this.#judge(outcome, startedAt);
    } catch (error) {
      if (!controller.signal.aborted) return this.#judgeError(error, startedAt);
    }
    this.#spend(startedAt);
    if (signal?.aborted === true)
      return failure('call_deadline', 'the caller stopped waiting', messageOf(signal.reason));
    return timeoutMs < this.#limits.callTimeoutMs
      ? failure('episode_deadline', `the calls of this episode have taken ${this.#limits.episodeTimeoutMs} ms`)
      : failure('call_deadline', `no result within ${timeoutMs} ms`);
  }

  #spend(startedAt: number): void {
    this.#spentMs += performance.now() - startedAt;
  }

  #judge(answer: unknown, startedAt: number): ToolResult {
    this.#spend(startedAt);
    try {
      if (!isToolResult(answer)) {
        return failure('invalid_result', 'the tool answered with something that is no result', describe(answer));
      }
      return this.#capped(answer);
    } catch (error) {
      // Reading a foreign object can throw.
      return failure('invalid_result', 'the tool answered with something that is no result', messageOf(error));
    }
  }

  #judgeError(error: unknown, startedAt: number): ToolResult {
    this.#spend(startedAt);
    return failure('exception', messageOf(error), error instanceof Error ? error.stack : undefined);
  }

  #capped(result: ToolResult): ToolResult {
    const { maxResultBytes } = this.#limits;
    const { content, isError, fault, cause, detail } = result;
    if (!utf8BytesExceed(content, maxResultBytes)) {
      if (!isError) return { content, isError };
      return {
        content,
        isError,
        fault: fault ?? 'policy',
        ...(cause === undefined ? {} : { cause }),
        ...(detail === undefined ? {} : { detail: detail.slice(0, MAX_DETAIL) }),
      };
    }
    const bytes = Buffer.byteLength(content);
    const note = `\n[cut: the result has ${bytes} bytes, ${maxResultBytes} fit]`;
    return {
      content: cutToBytes(content, maxResultBytes - Buffer.byteLength(note)) + note,
      isError: true,
      fault: 'environment',
      cause: 'output_limit',
      detail: `${bytes} bytes${isError ? `, of a result that was an error itself (${cause ?? 'no cause'})` : ''}`,
    };
  }
}

const MAX_DETAIL = 4000;
const MAX_MESSAGE = 2000;
const OVERDUE = Symbol('overdue');

/**
 * What the work gives, or OVERDUE when the time is up or the signal says that nobody waits. `onOverdue` may cancel the work
 * then; what that makes it say at once still counts, since it may know why it hung.
 */
async function withDeadline<T>(
  work: () => T | PromiseLike<T>,
  timeoutMs: number,
  onOverdue?: () => void,
  signal?: AbortSignal,
): Promise<T | typeof OVERDUE> {
  let giveUp = () => {};
  const overdue = new Promise<typeof OVERDUE>((resolve) => {
    giveUp = () => {
      onOverdue?.();
      setImmediate(resolve, OVERDUE);
    };
  });
  const timer = setTimeout(giveUp, timeoutMs);
  signal?.addEventListener('abort', giveUp);
  try {
    const done = Promise.resolve(work());
    // Nobody waits for the loser: its late failure must not become an unhandled rejection.
    done.catch(() => {});
    return await Promise.race([done, overdue]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', giveUp);
  }
}

function gaveUp(signal: AbortSignal): ToolResult {
  return failure('call_deadline', 'the caller stopped waiting', messageOf(signal.reason));
}

function failure(cause: ToolErrorCause, message: string, detail?: string): ToolResult {
  return {
    content: `Error during execution: ${message.slice(0, MAX_MESSAGE)}`,
    isError: true,
    fault: 'environment',
    cause,
    ...(detail === undefined ? {} : { detail: detail.slice(0, MAX_DETAIL) }),
  };
}

function isPromiseLike(value: unknown): value is PromiseLike<ToolResult> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}

function isToolResult(value: unknown): value is ToolResult {
  if (typeof value !== 'object' || value === null) return false;
  const { content, isError, fault, cause, detail } = value as Partial<Record<keyof ToolResult, unknown>>;
  const isText = (field: unknown) => field === undefined || typeof field === 'string';
  return (
    typeof content === 'string' && typeof isError === 'boolean' && isText(fault) && isText(cause) && isText(detail)
  );
}

function describe(value: unknown): string {
  if (typeof value !== 'object' || value === null) return `received ${typeof value}`;
  return `received an object with the keys ${Object.keys(value).slice(0, 20).join(', ') || 'none'}`;
}

function messageOf(error: unknown): string {
  try {
    return error instanceof Error ? error.message : String(error);
  } catch {
    return 'a value was thrown that has no text';
  }
}
