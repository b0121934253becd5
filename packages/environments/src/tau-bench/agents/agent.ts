import type { ChatMessage } from '@parl-mt/schema';
import { JsonSyntaxError, readJson } from '../../bfcl/python/json-reader.js';
import { PyDict, type PyValue } from '../../bfcl/python/value.js';
import type { ChatFunction, ChatFunctionReply, ChatFunctionRequest } from '../chat-function.js';
import { EpisodeCrash, type TauEpisode } from '../episode.js';
import type { TauReward } from '../reward.js';
import { RESPOND, type TauAction } from '../task.js';

export interface AgentOptions {
  /** Softmax temperature. Default 0, as in the official runner. */
  readonly temperature?: number;
  /** Answers of the model in one episode. Default 30. */
  readonly maxSteps?: number;
}

/** How an episode went. */
export interface AgentOutcome {
  /** False when the limit of steps ended the episode: the reward is 0 then. */
  readonly isDone: boolean;
  readonly reward: 0 | 1;
  /** Present when done. */
  readonly details?: TauReward;
}

/** Plays one episode. The conversation, calls and costs so far can be read at any time, also after a crash. */
export abstract class TauAgent {
  readonly messages: ChatMessage[] = [];
  #modelCalls = 0;
  #costUsd: number | undefined = 0;
  readonly #chat: ChatFunction;
  readonly #options: AgentOptions;

  constructor(chat: ChatFunction, options: AgentOptions = {}) {
    this.#chat = chat;
    this.#options = options;
  }

  get modelCalls(): number {
    return this.#modelCalls;
  }

  /** In US dollars over all calls; undefined as soon as one had no known cost. */
  get costUsd(): number | undefined {
    return this.#costUsd;
  }

  /**
   * Plays the episode to its end or the limit of steps.
   *
   * @throws {EpisodeCrash} where the reference crashes; errors of the model pass through.
   */
  async run(episode: TauEpisode): Promise<AgentOutcome> {
    this.messages.push(
      { role: 'system', content: this.systemPrompt(episode) },
      { role: 'user', content: await episode.begin() },
    );
    for (let step = 0; step < (this.#options.maxSteps ?? 30); step++) {
      const { isDone, reward } = await this.act(episode);
      if (isDone) return { isDone, reward: reward?.reward ?? 0, ...(reward === undefined ? {} : { details: reward }) };
    }
    return { isDone: false, reward: 0 };
  }

  protected abstract systemPrompt(episode: TauEpisode): string;

  /** One answer of the model, and what the environment makes of it. */
  protected abstract act(episode: TauEpisode): Promise<{ isDone: boolean; reward?: TauReward }>;

  protected async complete(request: Pick<ChatFunctionRequest, 'tools'> = {}): Promise<ChatFunctionReply['message']> {
    const { message, costUsd } = await this.#chat({
      messages: [...this.messages],
      temperature: this.#options.temperature ?? 0,
      ...request,
    });
    this.#modelCalls++;
    this.#costUsd = this.#costUsd === undefined || costUsd === undefined ? undefined : this.#costUsd + costUsd;
    return message;
  }
}

/** What the model says to the user; null where it said nothing. */
export function respond(content: string | null): TauAction {
  return { name: RESPOND, kwargs: PyDict.of({ content }) };
}

/**
 * An action from what the model wrote.
 *
 * @throws {EpisodeCrash} ValidationError where a part has the wrong type, as the reference's action class refuses it.
 */
export function actionOf(name: PyValue, kwargs: PyValue): TauAction {
  if (typeof name === 'string' && kwargs instanceof PyDict) return { name, kwargs };
  throw new EpisodeCrash('ValidationError', 'expected an action to have a name, and an object of arguments');
}

/** Python `json.loads`; undefined where it refuses the text. */
export function parseJson(text: string): PyValue | undefined {
  try {
    return readJson(text);
  } catch (error) {
    if (error instanceof JsonSyntaxError) return undefined;
    throw error;
  }
}
