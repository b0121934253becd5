import type { Task, ToolCall, ToolResult, ToolSpec } from '@parl-mt/schema';

/**
 * A world that a policy acts in by calling functions. One instance holds one episode at a time; its state lives across
 * turns. Untrusted calls never throw: whatever a call does wrong comes back as an error result that the policy sees.
 */
export interface Environment {
  /** Functions on offer in the current task; before the first reset, every function the environment has. */
  tools(): readonly ToolSpec[];
  /**
   * Starts an episode from the task's initial configuration, dropping all earlier state.
   *
   * @param seed - feeds whatever randomness the environment has; equal task and seed give equal episodes.
   * @throws {ConfigError} when the task does not fit the environment.
   */
  reset(task: Task, seed: number): void | Promise<void>;
  /** Executes one call. Bad names, arguments or JSON are error results with fault "policy". */
  call(call: ToolCall): ToolResult | Promise<ToolResult>;
  /** A copy of the whole state, private parts included; later calls do not change it. */
  snapshot(): unknown;
  /**
   * Goes back to a state taken by `snapshot()`; the snapshot stays valid and may be restored again.
   *
   * @throws {UsageError} when the value is not a snapshot of this environment.
   */
  restore(snapshot: unknown): void;
  /** Stable hash of the state: equal states have equal digests, different states different ones. */
  digest(): string;
  /** Frees what the environment holds. Idempotent. */
  close(): void | Promise<void>;
}
