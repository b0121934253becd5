import { RolloutError, type Task, type ToolCall, type ToolResult, type ToolSpec, UsageError } from '@parl-mt/schema';
import type { Environment } from '../environment.js';
import { type CalendarDate, toolSpecOf } from './api-class.js';
import { createInstances } from './create-instances.js';
import { decodeFunctionCalls } from './decode-function-calls.js';
import { type InstanceSet, InstanceSnapshot } from './instance-set.js';
import type { LongContextData } from './long-context.js';
import { ProcessObjects } from './process-objects.js';
import { pyJson } from './python/render.js';
import { apiClass, apiClassNames } from './registry.js';
import { encodeState } from './state-encoding.js';

export interface BfclEnvironmentOptions {
  /** Model name; visible where a string argument quotes a call. Default "policy". */
  readonly modelName?: string;
  /** Needed by tasks whose id contains "long_context" or "composite", unless `loadBfclTasks` found the data beside them. */
  readonly longContext?: LongContextData;
  /**
   * Keeps what the official process shares (default arguments, long-context cards, bookings and lists) from one episode to
   * the next, as the official runner does: results then depend on the episodes before. Default false: isolated.
   */
  readonly upstreamLeaks?: boolean;
  /** Default: the UTC date of the clock. */
  readonly today?: () => CalendarDate;
}

/**
 * The multi-turn classes of the Berkeley Function Calling Leaderboard: one instance per involved class, calls executed and
 * results rendered as the official Python executor does. Randomness of the classes is seeded by the scenario, as there.
 */
export class BfclEnvironment implements Environment {
  readonly supportsSnapshots = true;
  readonly #modelName: string;
  readonly #longContext: LongContextData | undefined;
  readonly #today: { readonly today?: () => CalendarDate };
  readonly #leakingProcess: ProcessObjects | undefined;
  #instances: InstanceSet | undefined;
  #tools: readonly ToolSpec[] = builtInTools(apiClassNames);
  #digest: string | undefined;

  constructor({ modelName = 'policy', longContext, upstreamLeaks = false, today }: BfclEnvironmentOptions = {}) {
    this.#modelName = modelName;
    this.#longContext = longContext;
    this.#today = today === undefined ? {} : { today };
    this.#leakingProcess = upstreamLeaks ? new ProcessObjects() : undefined;
  }

  tools(): readonly ToolSpec[] {
    return this.#tools;
  }

  /** The seed has no effect: the scenario's own `random_seed` rules, as in the official runner. */
  reset(task: Task, _seed: number): void {
    this.#instances = createInstances(task, this.#modelName, {
      longContext: this.#longContext,
      process: this.#leakingProcess ?? new ProcessObjects(),
      ...this.#today,
    });
    this.#tools = task.tools;
    this.#digest = undefined;
  }

  call(call: ToolCall): ToolResult {
    let callText: string;
    try {
      callText = BfclEnvironment.renderCall(call);
    } catch (error) {
      if (!(error instanceof RolloutError)) throw error;
      return {
        content: `Error during execution: ${error.message}`,
        isError: true,
        fault: 'policy',
        cause: 'invalid_arguments',
      };
    }
    const result = this.execute(callText);
    if (!result.isError || this.#requireInstances('call').hasMethod(call.name)) return result;
    return { ...result, cause: 'unknown_tool' };
  }

  /**
   * Runs one Python call text, such as `mv(source='a', destination='b')`.
   *
   * @throws {UsageError} before the first reset.
   */
  execute(callText: string): ToolResult {
    const instances = this.#requireInstances('execute');
    this.#digest = undefined;
    const { text, isError, isInternal } = instances.execute(callText);
    if (!isError) return { content: text, isError };
    if (isInternal) return { content: text, isError, fault: 'environment', cause: 'exception' };
    return { content: text, isError, fault: 'policy', cause: 'tool_error' };
  }

  /**
   * The Python call text of a chat-API call: `name(k=repr(v),k2=repr(v2))`.
   *
   * @throws {RolloutError} boundary function_call, when the arguments are not the JSON text of an object.
   */
  static renderCall(call: ToolCall): string {
    const decoded = decodeFunctionCalls([{ name: call.name, arguments: call.arguments }]);
    if (decoded.ok) return decoded.calls[0] as string;
    throw new RolloutError(
      'function_call',
      `expected the arguments of ${call.name} to be the JSON text of an object, received ${decoded.message}`,
    );
  }

  snapshot(): InstanceSnapshot {
    return this.#requireInstances('snapshot').snapshot();
  }

  restore(snapshot: unknown): void {
    if (!(snapshot instanceof InstanceSnapshot)) {
      throw new UsageError(`expected a snapshot of this environment, received ${typeof snapshot}`);
    }
    this.#requireInstances('restore').restore(snapshot);
    this.#digest = undefined;
  }

  digest(): string {
    this.#digest ??= this.#requireInstances('digest').digest();
    return this.#digest;
  }

  /**
   * Public attributes per class as JSON text, in the encoding of the conformance traces.
   *
   * @throws {PythonError} RecursionError for cyclic states.
   */
  publicState(): ReadonlyMap<string, string> {
    const instances = this.#requireInstances('publicState');
    return new Map(
      instances.classes.flatMap(({ name }) => {
        const state = instances.state(name);
        return state === undefined ? [] : [[name, pyJson(encodeState(state))] as const];
      }),
    );
  }

  close(): void {
    this.#instances = undefined;
    this.#digest = undefined;
  }

  #requireInstances(operation: string): InstanceSet {
    if (this.#instances !== undefined) return this.#instances;
    throw new UsageError(`expected reset() before ${operation}(): there is no episode`);
  }
}

/** Built-in tool specs of the methods of these classes, in order; unknown names are left out. */
export function builtInTools(classNames: readonly string[]): ToolSpec[] {
  return classNames.flatMap((className) => {
    const api = apiClass(className);
    return api === undefined ? [] : Object.entries(api.methods).map(([name, method]) => toolSpecOf(name, method));
  });
}
