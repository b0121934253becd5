import {
  type ChatTemplate,
  type ContextMessage,
  hermesFormat,
  JinjaError,
  llamaFormat,
  type ParsedCompletion,
  parseCallText,
  parseCompletion,
  parseToolCalls,
  pythonFormat,
  renderAwareness,
  renderCallText,
  type Segment,
  segmentsToText,
  special,
  type ToolCallFormat,
  text,
  xlamFormat,
} from '@parl-mt/chat';
import { type ToolCall, type ToolCallFormatName, UsageError } from '@parl-mt/schema';
import { AddedTokenSplitter } from '../added-tokens.js';
import { encodeSpan } from '../chat-encoding.js';
import type { Tokenizer } from '../tokenizer.js';
import type { ConversationCodec, ReadCompletion } from './conversation-codec.js';
import { defaultInstructions } from './instructions.js';

export const toolCallFormats: Readonly<Record<ToolCallFormatName, ToolCallFormat>> = {
  hermes: hermesFormat,
  llama: llamaFormat,
  xlam: xlamFormat,
  python: pythonFormat,
};

export interface TemplateCodecOptions {
  readonly tokenizer: Tokenizer;
  readonly template: ChatTemplate;
  /** Texts of `bos_token`, `eos_token` and others, which templates read as variables. */
  readonly specialTokens: Readonly<Record<string, string>>;
  /** Tokens that end a text by the model's own account; the one that ends a message in the template comes to them. */
  readonly endTokens: readonly number[];
  readonly format: ToolCallFormatName;
  /** Whether steps begin with a summary and a plan: what the system message asks for. */
  readonly awareness: boolean;
  /** Stands before the functions in the system message. Default: `defaultInstructions`. */
  readonly instructions?: string | undefined;
}

/**
 * Conversations of models that bring a chat template: the template renders the messages, and completions are put in where their
 * messages stand, as the ids that the policy generated. Awareness is written as tags in text, calls in the format of the model's
 * family. Control tokens inside data are encoded as ordinary text.
 */
export class TemplateCodec implements ConversationCodec {
  readonly stopTokens: readonly number[];
  readonly #options: TemplateCodecOptions;
  readonly #format: ToolCallFormat;
  readonly #instructions: string;
  readonly #controlTokens: readonly string[];
  /** Special tokens as they would be spelt in text that is not trusted. */
  readonly #specialTokens: AddedTokenSplitter;
  /** How the template ends a message of the policy, its token first but for white space. */
  readonly #tail: string;
  readonly #endToken: number;
  readonly #toolRole: 'tool' | 'user';
  /** Prompts are counted before they are encoded. */
  #latest: { readonly messages: readonly ContextMessage[]; readonly tokens: readonly number[] } | undefined;

  /** @throws {UsageError} for a template that does not end a message by a special token, or that cannot be rendered. */
  constructor(options: TemplateCodecOptions) {
    const { tokenizer, template, endTokens, format } = options;
    this.#options = options;
    this.#format = toolCallFormats[format];
    this.#instructions = options.instructions ?? defaultInstructions(format, options.awareness);
    this.#controlTokens = template.controlTokens(tokenizer.addedTokens);
    const specials = tokenizer.addedTokens.filter((token) => token.special);
    this.#specialTokens = new AddedTokenSplitter(new Map(specials.map((token) => [token.content, token])));
    this.#toolRole = this.#findToolRole();
    [this.#tail, this.#endToken] = this.#findTail();
    this.stopTokens = [...new Set([this.#endToken, ...endTokens])];
  }

  countPromptTokens(messages: readonly ContextMessage[]): number {
    return this.#prompt(messages).length;
  }

  encodePrompt(messages: readonly ContextMessage[], written: readonly Segment[] = []): number[] {
    return [...this.#prompt(messages), ...this.encodeCompletion(written)];
  }

  encodeCompletion(completion: readonly Segment[]): number[] {
    if (completion.some(({ kind }) => kind === 'tokens')) {
      return completion.flatMap((segment) => (segment.kind === 'tokens' ? segment.ids : []));
    }
    const { head, calls, message, isEnded } = partsOf(completion);
    const body = calls.length > 0 ? this.#format.render(calls) : message;
    const parts = [head, body].filter((part) => part !== '');
    // Head and body are encoded apart: the one is there when the other is written or scored.
    const ids = parts.flatMap((part) => this.#encodeText(part));
    return isEnded ? [...ids, this.#endToken] : ids;
  }

  readCompletion(tokens: ArrayLike<number>, { awareness }: { readonly awareness: boolean }): ReadCompletion {
    const ids = Array.from(tokens);
    const isEnded = ids.length > 0 && this.stopTokens.includes(ids.at(-1)!);
    const { tokenizer } = this.#options;
    const body = isEnded ? ids.slice(0, -1) : ids;
    // The head of a model may be wider than its vocabulary.
    const stray = body.find((id) => tokenizer.tokenOf(id) === undefined);
    const written = tokenizer.decode(
      stray === undefined ? body : body.filter((id) => tokenizer.tokenOf(id) !== undefined),
    );
    return {
      text: isEnded ? written + (tokenizer.tokenOf(ids.at(-1)!) ?? '') : written,
      parsed:
        stray === undefined
          ? this.#parse(written, awareness, isEnded)
          : refused(`expected tokens of the vocabulary, received id ${stray}`),
    };
  }

  #parse(written: string, awareness: boolean, isEnded: boolean): ParsedCompletion {
    if (!isEnded)
      return refused(`expected the end of the completion, it was cut off after ${written.length} characters`);
    const segments: Segment[] = [];
    let rest = written;
    if (awareness) {
      const head = HEAD.exec(written);
      if (head === null) {
        return refused(
          `expected <summary>…</summary> and <think>…</think> first, received ${JSON.stringify(written.slice(0, 40))}`,
        );
      }
      segments.push(...renderAwareness({ summary: head[1]!, plan: head[2]! }));
      rest = written.slice(head[0].length);
    }
    const { content, calls, error } = parseToolCalls(this.#format, rest);
    if (error !== undefined) {
      return refused(
        `call ${calls.length + 1} at offset ${written.length - rest.length + error.position}: ${error.message}`,
      );
    }
    for (const call of calls) {
      let callText: string;
      try {
        callText = renderCallText(call);
      } catch (cause) {
        if (!(cause instanceof UsageError)) throw cause;
        return refused(`call of ${JSON.stringify(call.name.slice(0, 40))}: ${cause.message}`);
      }
      segments.push(special('<tool_call>'), text(callText), special('</tool_call>'));
    }
    if (calls.length === 0) segments.push(text(content));
    return parseCompletion([...segments, special('<|end|>')], { awareness });
  }

  #prompt(messages: readonly ContextMessage[]): readonly number[] {
    if (this.#latest?.messages !== messages) this.#latest = { messages, tokens: this.#encodeMessages(messages) };
    return this.#latest.tokens;
  }

  #encodeMessages(messages: readonly ContextMessage[]): number[] {
    const contents = messages.map(({ role, segments }) =>
      role === 'assistant' ? '' : segmentsToText(segments.filter(({ kind }) => kind === 'text')),
    );
    const mark = unusedCharacter([...contents, this.#instructions]);
    const completions: (readonly number[])[] = [];
    const chat = messages.map(({ role, segments }, i) => {
      if (role === 'assistant') {
        completions.push(this.encodeCompletion(segments.slice(1)));
        return { role, content: `${mark}${completions.length - 1}${mark}` };
      }
      const content = contents[i]!;
      if (role === 'system')
        return { role, content: [this.#instructions, content].filter((part) => part !== '').join('\n\n') };
      return { role: role === 'tool' ? this.#toolRole : role, content };
    });
    const rendered = this.#render(chat);
    const ids: number[] = [];
    let from = 0;
    let next = 0;
    for (const place of rendered.text.matchAll(new RegExp(`${mark}(\\d+)${mark}`, 'g'))) {
      if (Number(place[1]) !== next) throw new UsageError(dropsMessages);
      for (const id of encodeSpan(this.#options.tokenizer, rendered, from, place.index)) ids.push(id);
      const completion = completions[next]!;
      for (const id of completion) ids.push(id);
      from = place.index + place[0].length;
      const isEnded = completion.length > 0 && this.stopTokens.includes(completion.at(-1)!);
      if (isEnded && rendered.text.startsWith(this.#tail, from)) from += this.#tail.length;
      next += 1;
    }
    if (next !== completions.length) throw new UsageError(dropsMessages);
    for (const id of encodeSpan(this.#options.tokenizer, rendered, from, rendered.text.length)) ids.push(id);
    return ids;
  }

  #render(messages: readonly { readonly role: string; readonly content: string }[]) {
    const { template, specialTokens } = this.#options;
    return template.render({
      messages,
      addGenerationPrompt: true,
      trustedVariables: specialTokens,
      controlTokens: this.#controlTokens,
    });
  }

  /** Text of the policy: tags are tokens where the vocabulary has them, special tokens are ordinary text. */
  #encodeText(content: string): number[] {
    // A continuation: the header of the answer comes before it.
    const behind = `\n${content}`;
    const literalSpans = this.#specialTokens
      .split(behind)
      .flatMap(({ start, end, token }): [number, number][] => (token === undefined ? [] : [[start, end]]));
    return encodeSpan(this.#options.tokenizer, { text: behind, literalSpans }, 1);
  }

  /** Templates that know no results of tools get them from the user. */
  #findToolRole(): 'tool' | 'user' {
    const chat = (role: string) => [
      { role: 'system', content: 's' },
      { role: 'user', content: 'u' },
      { role: 'assistant', content: 'a' },
      { role, content: 'RESULT' },
    ];
    try {
      if (this.#render(chat('tool')).text.includes('RESULT')) return 'tool';
    } catch (error) {
      if (!(error instanceof JinjaError)) throw error;
    }
    try {
      this.#render(chat('user'));
    } catch (error) {
      throw new UsageError(
        `expected a chat template with messages of system, user and assistant: ${(error as Error).message}`,
        { cause: error },
      );
    }
    return 'user';
  }

  #findTail(): [string, number] {
    const { text: rendered } = this.#render([
      { role: 'system', content: 's' },
      { role: 'user', content: 'u' },
      { role: 'assistant', content: 'ANSWER' },
      { role: 'user', content: 'v' },
    ]);
    const behind = rendered.slice(rendered.indexOf('ANSWER') + 'ANSWER'.length);
    const token = this.#options.tokenizer.addedTokens
      .filter(({ special: isSpecial, content }) => isSpecial && behind.trimStart().startsWith(content))
      .sort((a, b) => b.content.length - a.content.length)[0];
    if (token === undefined) {
      throw new UsageError(
        `expected a chat template that ends a message of the assistant by a special token, received ${JSON.stringify(behind.slice(0, 40))}`,
      );
    }
    return [behind.slice(0, behind.indexOf(token.content) + token.content.length), token.id];
  }
}

function refused(formatError: string): ParsedCompletion {
  return { calls: [], callTexts: [], formatError };
}

const HEAD = /^\s*<summary>([\s\S]*?)<\/summary>\s*<think>([\s\S]*?)<\/think>\s*/;

const dropsMessages =
  'expected a chat template that writes every message of the assistant once and in order, this one does not';

interface CompletionTexts {
  /** Awareness, each part with a new line behind it; empty where there is none. */
  readonly head: string;
  readonly calls: readonly ToolCall[];
  readonly message: string;
  readonly isEnded: boolean;
}

/** What a completion of ours says, as texts. */
function partsOf(completion: readonly Segment[]): CompletionTexts {
  let head = '';
  const calls: ToolCall[] = [];
  let message = '';
  let isEnded = false;
  let opened: string | undefined;
  for (const segment of completion) {
    if (segment.kind === 'tokens') throw new RangeError('expected text');
    if (segment.kind === 'special') {
      isEnded ||= segment.token === '<|end|>';
      opened = /^<[a-z_]+>$/.test(segment.token) ? segment.token : undefined;
    } else if (opened === '<summary>') head += `<summary>${segment.text}</summary>\n`;
    else if (opened === '<think>') head += `<think>${segment.text}</think>\n`;
    else if (opened === '<tool_call>') calls.push(callOf(segment.text));
    else message += segment.text;
  }
  return { head, calls, message, isEnded };
}

function callOf(callText: string): ToolCall {
  const parsed = parseCallText(callText);
  if (!parsed.ok) {
    throw new UsageError(
      `expected a call such as name(key='value'), received ${JSON.stringify(callText.slice(0, 80))}: ${parsed.error.message}`,
    );
  }
  return parsed.call;
}

/** A character for private use that no text contains. */
function unusedCharacter(texts: readonly string[]): string {
  for (let code = 0xf8ff; code >= 0xe000; code -= 1) {
    const character = String.fromCharCode(code);
    if (!texts.some((each) => each.includes(character))) return character;
  }
  throw new UsageError('expected a character for private use that the conversation does not contain');
}
