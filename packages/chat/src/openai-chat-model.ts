import {
  type ChatMessage,
  type ChatReplyMessage,
  chatReplyMessageSchema,
  type EndpointConfig,
  RolloutError,
  UsageError,
} from '@parl-mt/schema';
import OpenAI from 'openai';
import type { ChatCompletion, ChatModel, ChatRequest, ChatTotals, ChatUsage } from './chat-model.js';
import { ConcurrencyLimit } from './concurrency-limit.js';
import { type RetryOptions, withRetries } from './retry.js';

/** Longest body that is read of an answer: more is no chat message. */
const MAX_RESPONSE_BYTES = 16_000_000;

export interface OpenAiChatModelOptions {
  /** Value of the variable that the configuration names; undefined sends a key that local servers ignore. */
  readonly apiKey: string | undefined;
  /** Default: the platform's fetch. */
  readonly fetch?: typeof fetch;
  /** Waits and randomness of retries, for tests. */
  readonly retry?: Pick<RetryOptions, 'sleep' | 'random'>;
}

/** A chat model behind any server that speaks OpenAI's chat completions. */
export class OpenAiChatModel implements ChatModel {
  readonly name: string;
  readonly #config: EndpointConfig;
  readonly #client: OpenAI;
  readonly #limit: ConcurrencyLimit;
  readonly #retry: OpenAiChatModelOptions['retry'];
  #requests = 0;
  #retries = 0;
  #promptTokens = 0;
  #completionTokens = 0;

  constructor(config: EndpointConfig, options: OpenAiChatModelOptions) {
    this.name = config.model;
    this.#config = config;
    this.#limit = new ConcurrencyLimit(config.concurrency);
    this.#retry = options.retry;
    const inner = options.fetch ?? fetch;
    this.#client = new OpenAI({
      baseURL: config.baseUrl,
      apiKey: options.apiKey || 'none',
      timeout: config.timeoutMs,
      // Our own retries count, and can be tested without waiting.
      maxRetries: 0,
      fetch: async (url, init) => capBody(await inner(url, init), MAX_RESPONSE_BYTES),
      dangerouslyAllowBrowser: true,
    });
  }

  get totals(): ChatTotals {
    const usage = { promptTokens: this.#promptTokens, completionTokens: this.#completionTokens };
    return { requests: this.#requests, retries: this.#retries, ...usage, costUsd: this.#cost(usage) };
  }

  complete(request: ChatRequest): Promise<ChatCompletion> {
    return this.#limit.run(() => this.#complete(request));
  }

  async #complete(request: ChatRequest): Promise<ChatCompletion> {
    this.#requests++;
    const { signal } = request;
    let reply: unknown;
    try {
      reply = await withRetries(() => this.#send(request), {
        ...this.#retry,
        maxRetries: this.#config.maxRetries,
        judge: judgeError,
        signal,
        onRetry: () => {
          this.#retries++;
        },
      });
    } catch (error) {
      signal?.throwIfAborted();
      throw this.#describe(error);
    }
    const { message, finishReason, usage } = readReply(reply, this.#where());
    this.#promptTokens += usage.promptTokens;
    this.#completionTokens += usage.completionTokens;
    return { message, finishReason, usage, costUsd: this.#cost(usage) };
  }

  async #send({ messages, tools, temperature, maxTokens, seed, signal }: ChatRequest): Promise<unknown> {
    signal?.throwIfAborted();
    const body: OpenAI.ChatCompletionCreateParamsNonStreaming = {
      model: this.#config.model,
      messages: messages.map(wireMessage),
      ...(tools === undefined || tools.length === 0 ? {} : { tools: tools as OpenAI.ChatCompletionFunctionTool[] }),
      ...(temperature === undefined ? {} : { temperature }),
      ...(maxTokens === undefined ? {} : { max_completion_tokens: maxTokens }),
      ...(seed === undefined ? {} : { seed }),
    };
    if (signal === undefined) return this.#client.chat.completions.create(body);
    // A signal of its own for every request: the client never takes its listener off, and a run's signal serves thousands.
    const controller = new AbortController();
    const abort = () => controller.abort(signal.reason);
    signal.addEventListener('abort', abort);
    try {
      return await this.#client.chat.completions.create(body, { signal: controller.signal });
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  #cost({ promptTokens, completionTokens }: ChatUsage): number | undefined {
    const { inputPricePerMillion, outputPricePerMillion } = this.#config;
    if (inputPricePerMillion === undefined || outputPricePerMillion === undefined) return undefined;
    return (promptTokens * inputPricePerMillion + completionTokens * outputPricePerMillion) / 1e6;
  }

  #where(): string {
    return `model ${this.#config.model} at ${this.#config.baseUrl}`;
  }

  /** The error for the caller: what was expected, what came, and what to change. */
  #describe(error: unknown): Error {
    const where = this.#where();
    if (error instanceof OpenAI.APIConnectionTimeoutError) {
      return modelError(`${where}: expected an answer within ${this.#config.timeoutMs} ms, received none`, error);
    }
    if (error instanceof OpenAI.APIConnectionError) {
      const cause = error.cause instanceof Error ? `: ${rootMessage(error.cause)}` : '';
      return modelError(`${where}: expected a server, the connection failed${cause}`, error);
    }
    if (!(error instanceof OpenAI.APIError)) {
      return modelError(`${where}: expected a chat completion, ${rootMessage(error)}`, error);
    }
    const text = shorten(error.message);
    switch (error.status) {
      case 401:
      case 403:
        return new UsageError(
          `${where}: expected an API key that it accepts in ${this.#config.apiKeyEnv}, received ${text}`,
          { cause: error },
        );
      case 404:
        return new UsageError(`${where}: expected a model and address that it knows, received ${text}`, {
          cause: error,
        });
      default:
        return modelError(`${where}: expected a chat completion, received ${text}`, error);
    }
  }
}

function modelError(message: string, cause: unknown): RolloutError {
  return new RolloutError('model', message, { cause });
}

/** A message as the API takes it: it refuses an absent list of calls written as null or as an empty list. */
function wireMessage(message: ChatMessage): OpenAI.ChatCompletionMessageParam {
  if (message.role !== 'assistant') return message as OpenAI.ChatCompletionMessageParam;
  const { tool_calls, ...rest } = message;
  return tool_calls === undefined || tool_calls === null || tool_calls.length === 0 ? rest : { ...rest, tool_calls };
}

/** Rate limits, conflicts, server errors and lost connections may pass; everything else will not. */
function judgeError(error: unknown): { retryAfterMs?: number | undefined } | false {
  if (error instanceof OpenAI.APIUserAbortError) return false;
  if (error instanceof OpenAI.APIConnectionError) return {};
  if (!(error instanceof OpenAI.APIError)) return false;
  const { status, headers } = error;
  const isPassing = status === 408 || status === 409 || status === 429 || (status !== undefined && status >= 500);
  return isPassing ? { retryAfterMs: retryAfterMs(headers) } : false;
}

function retryAfterMs(headers: Headers | undefined): number | undefined {
  const ms = Number(headers?.get('retry-after-ms') ?? Number.NaN);
  if (Number.isFinite(ms) && ms >= 0) return ms;
  const seconds = Number(headers?.get('retry-after') ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
}

/** @throws {RolloutError} for an answer of another shape. */
function readReply(
  reply: unknown,
  where: string,
): { message: ChatReplyMessage; finishReason: string; usage: ChatUsage } {
  const choice = member(member(reply, 'choices'), '0');
  const raw = member(choice, 'message');
  const parsed = chatReplyMessageSchema.safeParse({
    role: 'assistant',
    content: member(raw, 'content') ?? null,
    ...(member(raw, 'tool_calls') === undefined ? {} : { tool_calls: member(raw, 'tool_calls') }),
  });
  if (raw === undefined || !parsed.success) {
    const problem = parsed.success ? 'nothing' : parsed.error.issues.map(({ path }) => path.join('.')).join(', ');
    throw new RolloutError('model', `${where}: expected choices[0].message of a chat completion, received ${problem}`);
  }
  const usage = member(reply, 'usage');
  return {
    message: parsed.data,
    finishReason: String(member(choice, 'finish_reason') ?? 'unknown'),
    usage: {
      promptTokens: tokenCount(member(usage, 'prompt_tokens')),
      completionTokens: tokenCount(member(usage, 'completion_tokens')),
    },
  };
}

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as { readonly [key: string]: unknown })[key]
    : undefined;
}

function tokenCount(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0;
}

/** The response, its body cut off with an error after a number of bytes. */
function capBody(response: Response, maxBytes: number): Response {
  if (response.body === null) return response;
  let bytes = 0;
  const counter = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      bytes += chunk.byteLength;
      if (bytes > maxBytes) controller.error(new RangeError(`expected at most ${maxBytes} bytes, received more`));
      else controller.enqueue(chunk);
    },
  });
  const { status, statusText, headers } = response;
  return new Response(response.body.pipeThrough(counter), { status, statusText, headers });
}

function rootMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? rootMessage(error.cause) : shorten(error.message);
}

function shorten(text: string): string {
  return text.length > 500 ? `${text.slice(0, 500)}…` : text;
}
