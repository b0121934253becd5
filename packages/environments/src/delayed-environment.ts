import { setTimeout as wait } from 'node:timers/promises';
import type { Task, ToolCall, ToolResult, ToolSpec } from '@parl-mt/schema';
import type { Environment } from './environment.js';

/**
 * An environment some of whose functions answer late, as real services do. The wait ends early, without a call, when the signal
 * is aborted: the guard around it says what became of the call.
 */
export class DelayedEnvironment implements Environment {
  readonly supportsSnapshots: boolean;
  readonly #inner: Environment;
  readonly #functions: ReadonlySet<string>;
  readonly #ms: number;

  /** @param ms - how much later, in milliseconds. */
  constructor(inner: Environment, functions: readonly string[], ms: number) {
    this.#inner = inner;
    this.#functions = new Set(functions);
    this.#ms = ms;
    this.supportsSnapshots = inner.supportsSnapshots;
  }

  tools(): readonly ToolSpec[] {
    return this.#inner.tools();
  }

  reset(task: Task, seed: number): void | Promise<void> {
    return this.#inner.reset(task, seed);
  }

  call(call: ToolCall, signal?: AbortSignal): ToolResult | Promise<ToolResult> {
    return this.#functions.has(call.name) ? this.#callLater(call, signal) : this.#inner.call(call, signal);
  }

  async #callLater(call: ToolCall, signal?: AbortSignal): Promise<ToolResult> {
    await wait(this.#ms, undefined, signal === undefined ? {} : { signal });
    return await this.#inner.call(call, signal);
  }

  snapshot(): unknown {
    return this.#inner.snapshot();
  }

  restore(snapshot: unknown): void {
    this.#inner.restore(snapshot);
  }

  digest(): string {
    return this.#inner.digest();
  }

  close(): void | Promise<void> {
    return this.#inner.close();
  }
}
