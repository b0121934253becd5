import type { Task, ToolCall, ToolResult, ToolSpec } from '@parl-mt/schema';

/**
 * A world that a policy acts in by calling functions. One instance holds one episode at a time; its state lives across
 * turns. Untrusted calls never throw: whatever a call does wrong comes back as an error result that the policy sees.
 */
export interface Environment {
  /** Whether `snapshot`, `restore` and `digest` work. Where false they throw: the state lies in a foreign process. */
  readonly supportsSnapshots: boolean;
  /** Functions on offer in the current task; before the first reset, every function the environment has. */
  tools(): readonly ToolSpec[];
  /**
   * Starts an episode from the task's initial configuration, dropping all earlier state.
   *
   * @param seed - feeds whatever randomness the environment has; equal task and seed give equal episodes.
   * @throws {ConfigError} when the task does not fit the environment.
   */
  reset(task: Task, seed: number): void | Promise<void>;
  /**
   * Executes one call. Bad names, arguments or JSON are error results with fault "policy".
   *
   * @param signal - aborted when nobody waits for the result any more; the call is then cancelled where that is possible.
   */
  call(call: ToolCall, signal?: AbortSignal): ToolResult | Promise<ToolResult>;
  /**
   * A copy of the whole state, private parts included; later calls do not change it.
   *
   * @throws {UsageError} where snapshots are not supported.
   */
  snapshot(): unknown;
  /**
   * Goes back to a state taken by `snapshot()`; the snapshot stays valid and may be restored again.
   *
   * @throws {UsageError} when the value is not a snapshot of this environment, or snapshots are not supported.
   */
  restore(snapshot: unknown): void;
  /**
   * Stable hash of the state: equal states have equal digests, different states different ones.
   *
   * @throws {UsageError} where snapshots are not supported.
   */
  digest(): string;
  /** Frees what the environment holds. Idempotent. */
  close(): void | Promise<void>;
}
