import type { ChatMessage, ChatReplyMessage } from '@parl-mt/schema';
import { pyRepr } from '../../bfcl/python/render.js';
import { judgePrompt, reflectionPrompt } from './prompts.js';
import { afterLabel, SimulatedUser, textOf } from './simulated-user.js';

/** Candidates that `verify` asks for before it takes the last one unjudged. */
const MAX_CANDIDATES = 3;

/** `verify`: a second request judges each candidate line; the last one is said in any case, but then not remembered. */
export class VerifyUser extends SimulatedUser {
  protected async nextLine(): Promise<string> {
    let candidate: ChatReplyMessage | undefined;
    for (let attempt = 0; attempt < MAX_CANDIDATES; attempt++) {
      candidate = await this.propose(this.messages);
      if (isAccepted(await this.ask(judgePrompt(this.messages, this.printMessage(candidate))))) {
        this.remember(candidate);
        break;
      }
    }
    return textOf(candidate as ChatReplyMessage);
  }

  /** The reference puts its message object into the prompt, not the text. Which fields that prints is its library's affair. */
  protected printMessage({ content }: ChatReplyMessage): string {
    const text = content === null ? 'None' : pyRepr(content);
    return `Message(content=${text}, role='assistant', tool_calls=None, function_call=None)`;
  }
}

/** `reflection`: a refused line is reflected on once; every candidate stays in the history. */
export class ReflectionUser extends SimulatedUser {
  protected async nextLine(): Promise<string> {
    const transcript: ChatMessage[] = [...this.messages];
    const first = await this.#candidate(transcript);
    if (await this.#accepts(transcript, first)) return first;
    const reflection = await this.ask(reflectionPrompt(transcript, first));
    transcript.push({ role: 'user', content: afterLabel(reflection, 'Response:') });
    const second = await this.#candidate(transcript);
    return (await this.#accepts(transcript, second)) ? second : first;
  }

  async #candidate(transcript: readonly ChatMessage[]): Promise<string> {
    const message = await this.propose(transcript);
    this.remember(message);
    return textOf(message);
  }

  async #accepts(transcript: readonly ChatMessage[], candidate: string): Promise<boolean> {
    return isAccepted(await this.ask(judgePrompt(transcript, candidate)));
  }
}

function isAccepted(answer: string): boolean {
  return answer.toLowerCase().includes('true');
}
