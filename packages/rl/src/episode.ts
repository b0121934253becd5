import { ConversationContext, renderTools } from '@parl-mt/chat';
import type { Conversation, Environment, TurnOpening } from '@parl-mt/environments';
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
  /** Steps of an episode whose user decides when it is over; 30 as in tau-bench where absent. */
  readonly maxSteps?: number | undefined;
}

/** The limit of tau-bench's reference: an episode that it cuts off earns nothing. */
const DEFAULT_MAX_STEPS = 30;

/**
 * One episode in an environment: asks for a completion, acts on it, until the last turn is answered.
 *
 * With a conversation, the user answers what the policy says and decides when it is over, and the conversation judges. Without,
 * the task's turns are what the user says.
 *
 * A completion that does not parse ends its turn, as the official BFCL loop does; the step is marked with the reason. A
 * tool that fails is an error result that the policy sees.
 */
export class Episode {
  readonly #request: EpisodeRequest;
  readonly #environment: Environment;
  readonly #model: RolloutModel;
  readonly #limits: EpisodeLimits;
  readonly #conversation: Conversation | undefined;
  #context: ConversationContext;
  readonly #userMessages: string[] = [];
  #verdict: Trajectory['verdict'];
  readonly #steps: Step[] = [];
  readonly #startedAt = performance.now();
  #turn = -1;
  #stepsInTurn = 0;
  #prompt: number[] | undefined;
  #stopReason: StopReason | undefined;
  #failure: string | undefined;

  /**
   * The environment must be guarded (its calls never throw), and reset to the request's task before the first prompt; a
   * conversation over it is begun by `begin`, which resets it.
   */
  constructor(
    request: EpisodeRequest,
    environment: Environment,
    model: RolloutModel,
    limits: EpisodeLimits,
    conversation?: Conversation,
  ) {
    this.#request = request;
    this.#environment = environment;
    this.#model = model;
    this.#limits = limits;
    this.#conversation = conversation;
    this.#context = new ConversationContext(request.task.tools, limits.context.mode);
    if (conversation === undefined) this.#nextTurn();
  }

  /**
   * Hears the user for the first time; needed before the first prompt, with a conversation only.
   *
   * @throws {RolloutError} boundary "environment", when the world does not start or the user says nothing.
   */
  async begin(): Promise<void> {
    const conversation = this.#conversation;
    if (conversation === undefined) return;
    const opening = await conversation.begin();
    const functions = renderTools(conversation.tools());
    const { instructions } = conversation;
    const system = instructions === undefined ? functions : `${instructions}\n\n${functions}`;
    this.#context = new ConversationContext(system, this.#limits.context.mode);
    this.#open(opening);
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
      countTokens: (messages) => this.#model.codec.countPromptTokens(messages),
    });
    if (!rendered.ok) {
      this.#stop(
        'context_overflow',
        `the prompt needs ${rendered.requiredTokens} tokens, ${rendered.maxPromptTokens} fit`,
      );
      return undefined;
    }
    this.#prompt = this.#model.codec.encodePrompt(rendered.messages);
    return Int32Array.from(this.#prompt);
  }

  /** Acts on the completion of the last prompt: executes its calls, or ends the turn. */
  async act(completion: Completion): Promise<void> {
    const tokens = [...completion.tokens];
    const { text, parsed } = this.#model.codec.readCompletion(tokens, {
      awareness: this.#limits.context.mode !== 'history',
    });
    const stateBefore: string[] = [];
    const results: ToolResult[] = [];
    let isOver = false;
    for (const call of parsed.calls) {
      stateBefore.push(this.#environment.digest());
      if (this.#conversation === undefined) {
        results.push(await this.#environment.call(call));
      } else {
        const outcome = await this.#conversation.call(call);
        results.push(outcome.result);
        isOver ||= outcome.isOver;
      }
    }
    const step: Step = {
      turn: this.#turn,
      promptTokens: this.#prompt ?? [],
      completionTokens: tokens,
      behaviorLogprobs: [...completion.logprobs],
      text,
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
    else if (this.#conversation !== undefined) {
      await this.#goOn(this.#conversation, isOver, parsed.calls.length > 0 ? undefined : (parsed.message ?? step.text));
    } else if (parsed.calls.length === 0) this.#nextTurn();
    else if (this.#stepsInTurn > this.#limits.stepLimit) {
      this.#stop('step_limit', `turn ${this.#turn + 1} took more than ${this.#limits.stepLimit} steps`);
    }
  }

  /** After a step of a conversation: hears the user where the policy spoke, and ends the episode where it is over. */
  async #goOn(conversation: Conversation, isOver: boolean, said: string | undefined): Promise<void> {
    const maxSteps = this.#limits.maxSteps ?? DEFAULT_MAX_STEPS;
    const opening = said === undefined ? undefined : await conversation.respond(said);
    if (isOver || opening?.isOver) this.#judge(conversation);
    else if (this.#steps.length >= maxSteps) this.#stop('step_limit', `the episode took more than ${maxSteps} steps`);
    else if (opening !== undefined) this.#open(opening);
  }

  #open({ messages, revealedTools }: TurnOpening): void {
    this.#turn += 1;
    this.#stepsInTurn = 0;
    const texts = messages.map(({ content }) => content);
    this.#userMessages.push(texts.join('\n'));
    this.#context.beginTurn(texts, revealedTools);
  }

  #judge(conversation: Conversation): void {
    const { valid, progress, details } = conversation.verdict();
    this.#verdict = { valid, reward: valid === null ? 0 : progress, details };
    if (valid === null) this.#stop('environment_error', String(details.environment_error ?? 'there is no verdict'));
    else this.#stop('completed');
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
      ...(this.#conversation === undefined
        ? {}
        : {
            // An episode that was cut off earns nothing, whatever its world looks like.
            verdict: this.#verdict ?? { valid: false, reward: 0, details: {} },
            userMessages: this.#userMessages,
          }),
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
