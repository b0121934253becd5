import { createHash } from 'node:crypto';
import { type Task, type ToolCall, type ToolResult, type ToolSpec, UsageError } from '@parl-mt/schema';
import type { Environment } from './environment.js';

/** What a call that never arrived is answered with. */
export const UNAVAILABLE_CONTENT = '{"error": "Service unavailable, try again."}';

/**
 * An environment whose calls fail in transit now and then, as calls to real services do: the call is not executed, the policy
 * reads an error that says to try again, and the result has fault "environment", cause "unavailable".
 *
 * Which calls fail depends on the task's id and the number of calls before, on nothing else: every method, and every
 * trajectory of a group, meets the same failures in the same places, and a repeated call has a chance of its own.
 */
export class UnreliableEnvironment implements Environment {
  readonly supportsSnapshots: boolean;
  readonly #inner: Environment;
  readonly #faultRate: number;
  #taskId = '';
  #calls = 0;

  /**
   * @param faultRate - chance that a call fails, in [0, 1].
   * @throws {UsageError} for a rate outside.
   */
  constructor(inner: Environment, faultRate: number) {
    if (!(faultRate >= 0 && faultRate <= 1)) {
      throw new UsageError(`expected faultRate in [0, 1], received ${faultRate}`);
    }
    this.#inner = inner;
    this.#faultRate = faultRate;
    this.supportsSnapshots = inner.supportsSnapshots;
  }

  tools(): readonly ToolSpec[] {
    return this.#inner.tools();
  }

  reset(task: Task, seed: number): void | Promise<void> {
    this.#taskId = task.id;
    this.#calls = 0;
    return this.#inner.reset(task, seed);
  }

  call(call: ToolCall, signal?: AbortSignal): ToolResult | Promise<ToolResult> {
    const isLost = failsInTransit([this.#taskId, this.#calls], this.#faultRate);
    this.#calls += 1;
    if (isLost) {
      return { content: UNAVAILABLE_CONTENT, isError: true, fault: 'environment', cause: 'unavailable' };
    }
    return this.#inner.call(call, signal);
  }

  snapshot(): unknown {
    return { calls: this.#calls, inner: this.#inner.snapshot() };
  }

  restore(snapshot: unknown): void {
    const { calls, inner } = snapshot as { readonly calls?: unknown; readonly inner?: unknown };
    if (typeof calls !== 'number') {
      throw new UsageError(`expected a snapshot of this environment, received ${typeof snapshot}`);
    }
    this.#inner.restore(inner);
    this.#calls = calls;
  }

  digest(): string {
    return this.#inner.digest();
  }

  close(): void | Promise<void> {
    return this.#inner.close();
  }
}

/**
 * Whether the call at a place fails, from the first 48 bits of a hash of the place: cryptographic, so that places alike give
 * draws unlike.
 *
 * @param place - what the draw depends on, and nothing else.
 * @param rate - chance in [0, 1].
 */
export function failsInTransit(place: readonly (string | number)[], rate: number): boolean {
  const hash = createHash('sha256').update(JSON.stringify(place)).digest();
  return hash.readUIntBE(0, 6) / 2 ** 48 < rate;
}
