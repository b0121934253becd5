import type { Task, ToolCall, ToolSpec } from '@parl-mt/schema';
import type { ModelCalls } from './checker.js';
import { createInstances, type InstanceOptions } from './create-instances.js';
import { type DecodeResult, decodeFunctionCalls, endsTurn, type FunctionCall } from './decode-function-calls.js';
import { decodePromptOutput } from './decode-prompt-output.js';
import type { FunctionDocument } from './function-document.js';
import type { InstanceSet } from './instance-set.js';
import { documentList, systemPrompt } from './prompting-format.js';
import { pyRepr } from './python/render.js';
import { PyDict } from './python/value.js';

/** How the model calls functions: by the tool calls of a chat API, or by text after instructions in the prompt. */
export type ConversationMode = 'fc' | 'prompting';

/** A message as chat APIs have it. */
export type ConversationMessage =
  | { readonly role: 'system' | 'user'; readonly content: string }
  | { readonly role: 'assistant'; readonly content: string; readonly toolCalls?: readonly CallWithId[] }
  | { readonly role: 'tool'; readonly content: string; readonly toolCallId: string };

export interface CallWithId extends ToolCall {
  readonly id: string;
}

/** What the model answered: its calls, or text. */
export interface ModelAnswer {
  readonly text: string;
  /** FC mode only; ids may be missing. */
  readonly toolCalls?: readonly (ToolCall & { readonly id?: string })[];
}

export interface ConversationOptions extends InstanceOptions {
  readonly mode: ConversationMode;
  /** Prompting mode: documents of the functions in the benchmark's form. Default: made from the tools of the task. */
  readonly documents?: readonly FunctionDocument[];
  /** Default "policy". */
  readonly modelName?: string;
  /** Executed steps of a turn after which the next one ends the whole task. Default 20. */
  readonly stepLimit?: number;
}

const DEFAULT_STEP_LIMIT = 20;

/**
 * The official inference loop over one task, without the model: ask `request()` what to send, give the answer to
 * `respond()`, until `isFinished`. A turn goes on until an answer has no calls to decode. More than `stepLimit` executed
 * steps in a turn end the task; the steps of that turn are kept.
 */
export class BfclConversation {
  readonly #task: Task;
  readonly #mode: ConversationMode;
  readonly #documents: readonly FunctionDocument[] | undefined;
  readonly #stepLimit: number;
  readonly #instances: InstanceSet;
  readonly #messages: ConversationMessage[] = [];
  readonly #calls: string[][][] = [];
  #tools: ToolSpec[];
  #turn = -1;
  #executedSteps = 0;
  #status: 'running' | 'completed' | 'forced' = 'running';

  /** @throws {ConfigError} when the task does not load. */
  constructor(task: Task, options: ConversationOptions) {
    this.#task = task;
    this.#mode = options.mode;
    this.#documents = options.documents;
    this.#stepLimit = options.stepLimit ?? DEFAULT_STEP_LIMIT;
    this.#instances = createInstances(task, options.modelName ?? 'policy', options);
    this.#tools = [...task.tools];
    if (options.mode === 'prompting') {
      this.#messages.push({ role: 'system', content: systemPrompt(task.tools, options.documents) });
    }
    this.#beginTurn();
  }

  get isFinished(): boolean {
    return this.#status !== 'running';
  }

  /** Whether the step limit ended the task. */
  get isForced(): boolean {
    return this.#status === 'forced';
  }

  /** Decoded calls so far: turn, step, call. What the checker takes. */
  get modelCalls(): ModelCalls {
    return this.#calls;
  }

  /** What to send: the messages so far and, in FC mode, the functions on offer. */
  request(): { readonly messages: readonly ConversationMessage[]; readonly tools: readonly ToolSpec[] } {
    return { messages: [...this.#messages], tools: this.#mode === 'fc' ? [...this.#tools] : [] };
  }

  /** Takes the answer to the last request: runs its calls, or ends the turn. No effect when finished. */
  respond(answer: ModelAnswer): void {
    if (this.isFinished) return;
    const calls = (answer.toolCalls ?? []).map((call, index) => ({ ...call, id: call.id ?? this.#callId(index) }));
    const decoded = this.#decode(answer, calls);
    const step = this.#calls[this.#turn] as string[][];
    this.#messages.push({
      role: 'assistant',
      content: answer.text,
      ...(this.#mode === 'fc' && calls.length > 0 ? { toolCalls: calls } : {}),
    });
    if (!decoded.ok || endsTurn(decoded)) {
      this.#beginTurn();
      return;
    }
    step.push([...decoded.calls]);
    const results = decoded.calls.map((call) => this.#instances.execute(call).text);
    this.#addResults(decoded.calls, results, calls);
    this.#executedSteps++;
    if (this.#executedSteps > this.#stepLimit) this.#status = 'forced';
  }

  #decode(answer: ModelAnswer, calls: readonly FunctionCall[]): DecodeResult {
    if (this.#mode === 'prompting') return decodePromptOutput(answer.text);
    return decodeFunctionCalls(calls.length > 0 ? calls : answer.text);
  }

  #addResults(callTexts: readonly string[], results: readonly string[], calls: readonly CallWithId[]): void {
    if (this.#mode === 'fc') {
      for (const [index, content] of results.entries()) {
        this.#messages.push({ role: 'tool', content, toolCallId: calls[index]?.id ?? this.#callId(index) });
      }
      return;
    }
    const tools = results.map((content, index) =>
      PyDict.of({ role: 'tool', name: callTexts[index] as string, content }),
    );
    this.#messages.push({ role: 'user', content: pyRepr(tools) });
  }

  #callId(index: number): string {
    return `call_${this.#turn}_${this.#executedSteps}_${index}`;
  }

  #beginTurn(): void {
    const turn = this.#task.turns[++this.#turn];
    if (turn === undefined) {
      this.#status = 'completed';
      return;
    }
    this.#executedSteps = 0;
    this.#calls.push([]);
    const revealed = this.#reveal(turn.revealedTools ?? []);
    for (const [index, { role, content }] of turn.messages.entries()) {
      const isLast = index === turn.messages.length - 1;
      this.#messages.push({
        role: role === 'system' ? 'system' : 'user',
        content: isLast ? revealed + content : content,
      });
    }
  }

  /** Offers more functions; in prompting mode the text that shows them. */
  #reveal(names: readonly string[]): string {
    if (names.length === 0) return '';
    const tools = names.flatMap((name) => this.#task.heldOutTools?.find((tool) => tool.name === name) ?? []);
    this.#tools.push(...tools);
    return this.#mode === 'fc' ? '' : `${documentList(tools, this.#documents)}\n`;
  }
}
