import type { ChatMessage, ChatReplyMessage } from '@parl-mt/schema';
import { stripSpaces } from '../../bfcl/python/text.js';
import type { ChatFunction } from '../chat-function.js';
import { EpisodeCrash, STOP_MARKER, type TauUser } from '../episode.js';
import { GREETING, userPrompt } from './prompts.js';

/** A user played by a chat model with roles swapped: its own lines are `assistant`, the agent's are `user`. */
export abstract class SimulatedUser implements TauUser {
  /** Requests that {@link constructAsReference} makes. */
  protected readonly constructionResets: number = 1;
  protected readonly format: 'plain' | 'react' = 'plain';
  #messages: ChatMessage[] = [];
  #lastCostUsd: number | undefined;
  readonly #chat: ChatFunction;

  constructor(chat: ChatFunction) {
    this.#chat = chat;
  }

  /** The user's own history. */
  get messages(): readonly ChatMessage[] {
    return this.#messages;
  }

  /** Cost of the last line alone: what the reference calls the user's cost. */
  get lastCostUsd(): number | undefined {
    return this.#lastCostUsd;
  }

  /** @throws {EpisodeCrash} for answers that the strategy cannot read; errors of the model pass through. */
  async reset(instruction: string | null): Promise<string> {
    this.#messages = [
      { role: 'system', content: userPrompt(instruction, this.format) },
      { role: 'user', content: GREETING },
    ];
    return this.nextLine();
  }

  /** As {@link reset}. */
  async step(content: string | null): Promise<string> {
    this.#messages.push({ role: 'user', content });
    return this.nextLine();
  }

  /**
   * The requests that the reference makes when it creates a simulator, before any task: their answers are thrown away.
   * Nothing depends on them, so only a comparison with the reference asks for them.
   */
  async constructAsReference(): Promise<void> {
    for (let count = 0; count < this.constructionResets; count++) await this.reset(null);
  }

  /** The next line, from the history so far. */
  protected abstract nextLine(): Promise<string>;

  /** One answer of the model, playing the user. */
  protected async propose(messages: readonly ChatMessage[]): Promise<ChatReplyMessage> {
    const { message, costUsd } = await this.#chat({ messages: [...messages] });
    this.#lastCostUsd = costUsd;
    return message;
  }

  /** Answer of the same model to a single question. */
  protected async ask(question: string): Promise<string> {
    const { message } = await this.#chat({ messages: [{ role: 'user', content: question }] });
    return textOf(message);
  }

  protected remember(message: ChatReplyMessage): void {
    this.#messages.push(message);
  }
}

/** @throws {EpisodeCrash} where there is none. */
export function textOf({ content }: ChatReplyMessage): string {
  if (content !== null) return content;
  throw new EpisodeCrash('TypeError', 'expected the simulated user to say something, the model sent no text');
}

/**
 * The text after a label that must occur exactly once, trimmed.
 *
 * @throws {EpisodeCrash} ValueError otherwise.
 */
export function afterLabel(text: string, label: string): string {
  const parts = text.split(label);
  if (parts.length !== 2) {
    throw new EpisodeCrash(
      'ValueError',
      `expected "${label}" once in the simulated user's answer, found it ${parts.length - 1} times`,
    );
  }
  return stripSpaces(parts[1] as string);
}

/** `llm`: says what the model says. */
export class LlmUser extends SimulatedUser {
  protected async nextLine(): Promise<string> {
    const message = await this.propose(this.messages);
    this.remember(message);
    return textOf(message);
  }
}

/** `react`: the model thinks first. As in the reference, a thought goes to the agent together with the line. */
export class ReactUser extends SimulatedUser {
  protected override readonly constructionResets = 2;
  protected override readonly format = 'react';

  protected async nextLine(): Promise<string> {
    const message = await this.propose(this.messages);
    this.remember(message);
    const text = textOf(message);
    if (text.includes(STOP_MARKER)) return STOP_MARKER;
    return afterLabel(text, text.includes('Thought:') ? 'Thought:' : 'User Response:');
  }
}
