import { ConversationContext, parseCompletion, type Segment, segmentsToText } from '@parl-mt/chat';
import type { Environment } from '@parl-mt/environments';
import type { ContextConfig, Step, StopReason, Task, ToolResult, Trajectory } from '@parl-mt/schema';
import type { Completion, RolloutModel } from './rollout-model.js';

/** One trajectory to produce. */
export interface EpisodeRequest {
  readonly task: Task;
  /** Trajectories of one task share a group. */
  readonly groupId: number;
  /** Integer in [0, 2^53). */
  readonly seed: number;
}

export interface EpisodeLimits {
  readonly context: ContextConfig;
  /** Steps per turn; the next one ends the episode. */
  readonly stepLimit: number;
}

/**
 * One episode in an environment: asks for a completion, acts on it, until the last turn is answered.
 *
 * A completion that does not parse ends its turn, as the official BFCL loop does; the step is marked with the reason. A
 * tool that fails is an error result that the policy sees.
 */
export class Episode {
  readonly #request: EpisodeRequest;
  readonly #environment: Environment;
  readonly #model: RolloutModel;
  readonly #limits: EpisodeLimits;
  readonly #context: ConversationContext;
  readonly #steps: Step[] = [];
  readonly #startedAt = performance.now();
  #turn = -1;
  #stepsInTurn = 0;
  #prompt: number[] | undefined;
  #stopReason: StopReason | undefined;
  #failure: string | undefined;

  /** The environment must be guarded (its calls never throw), and reset to the request's task before the first prompt. */
  constructor(request: EpisodeRequest, environment: Environment, model: RolloutModel, limits: EpisodeLimits) {
    this.#request = request;
    this.#environment = environment;
    this.#model = model;
    this.#limits = limits;
    this.#context = new ConversationContext(request.task.tools, limits.context.mode);
    this.#nextTurn();
  }

  get isFinished(): boolean {
    return this.#stopReason !== undefined;
  }

  get stepCount(): number {
    return this.#steps.length;
  }

  get request(): EpisodeRequest {
    return this.#request;
  }

  /** Token ids of the next step's prompt. Undefined when the episode is over. */
  nextPrompt(): Int32Array | undefined {
    if (this.isFinished) return undefined;
    const { maxContextTokens, maxNewTokens } = this.#limits.context;
    const rendered = this.#context.renderPrompt({
      maxPromptTokens: maxContextTokens - maxNewTokens,
      countTokens: (segments) => this.#model.encode(segments).length,
    });
    if (!rendered.ok) {
      this.#stop(
        'context_overflow',
        `the prompt needs ${rendered.requiredTokens} tokens, ${rendered.maxPromptTokens} fit`,
      );
      return undefined;
    }
    this.#prompt = [];
    for (const message of rendered.messages) {
      for (const token of this.#model.encode(message.segments)) this.#prompt.push(token);
    }
    for (const token of this.#model.encode(assistantPrompt)) this.#prompt.push(token);
    return Int32Array.from(this.#prompt);
  }

  /** Acts on the completion of the last prompt: executes its calls, or ends the turn. */
  async act(completion: Completion): Promise<void> {
    const tokens = [...completion.tokens];
    const decoded = this.#model.decode(tokens);
    const parsed = parseCompletion(decoded, { awareness: this.#limits.context.mode !== 'history' });
    const stateBefore: string[] = [];
    const results: ToolResult[] = [];
    for (const call of parsed.calls) {
      stateBefore.push(this.#environment.digest());
      results.push(await this.#environment.call(call));
    }
    const step: Step = {
      turn: this.#turn,
      promptTokens: this.#prompt ?? [],
      completionTokens: tokens,
      behaviorLogprobs: [...completion.logprobs],
      text: segmentsToText(decoded),
      calls: [...parsed.calls],
      callTexts: [...parsed.callTexts],
      results,
      stateBefore,
      stateAfter: this.#environment.digest(),
      ...(parsed.awareness === undefined ? {} : { awareness: parsed.awareness }),
      ...(parsed.message === undefined ? {} : { message: parsed.message }),
      ...(parsed.formatError === undefined ? {} : { formatError: parsed.formatError }),
    };
    this.#steps.push(step);
    this.#stepsInTurn += 1;
    this.#context.addStep({
      awareness: parsed.awareness,
      callTexts: parsed.callTexts,
      results: results.map(({ content }) => content),
      message: parsed.message,
      completion: [{ kind: 'tokens', ids: tokens }],
    });
    const overdue = results.find(({ cause }) => cause === 'episode_deadline');
    if (overdue !== undefined) this.#stop('environment_error', overdue.content);
    else if (parsed.calls.length === 0) this.#nextTurn();
    else if (this.#stepsInTurn > this.#limits.stepLimit) {
      this.#stop('step_limit', `turn ${this.#turn + 1} took more than ${this.#limits.stepLimit} steps`);
    }
  }

  /** Ends an episode whose environment did not start. */
  fail(message: string): void {
    if (!this.isFinished) this.#stop('environment_error', message);
  }

  /** Ends the episode from outside. */
  cancel(): void {
    if (!this.isFinished) this.#stop('cancelled', 'the run was cancelled');
  }

  /** The finished episode, not yet scored. */
  trajectory(): Trajectory {
    return {
      taskId: this.#request.task.id,
      groupId: this.#request.groupId,
      seed: this.#request.seed,
      steps: this.#steps,
      stopReason: this.#stopReason ?? 'cancelled',
      ...(this.#failure === undefined ? {} : { failure: this.#failure }),
      usage: {
        promptTokens: this.#steps.reduce((sum, { promptTokens }) => sum + promptTokens.length, 0),
        completionTokens: this.#steps.reduce((sum, { completionTokens }) => sum + completionTokens.length, 0),
        calls: this.#steps.reduce((sum, { calls }) => sum + calls.length, 0),
        seconds: (performance.now() - this.#startedAt) / 1000,
      },
    };
  }

  #nextTurn(): void {
    this.#turn += 1;
    this.#stepsInTurn = 0;
    const turn = this.#request.task.turns[this.#turn];
    if (turn === undefined) {
      this.#stop('completed');
      return;
    }
    const revealed = new Set(turn.revealedTools ?? []);
    this.#context.beginTurn(
      turn.messages.map(({ content }) => content),
      (this.#request.task.heldOutTools ?? []).filter(({ name }) => revealed.has(name)),
    );
  }

  #stop(reason: StopReason, failure?: string): void {
    this.#stopReason = reason;
    this.#failure = failure;
  }
}

const assistantPrompt: readonly Segment[] = [{ kind: 'special', token: '<|assistant|>' }];
