import type { Statement } from './jinja/ast.js';
import { run } from './jinja/interpreter.js';
import { JinjaError, JinjaFailure, placeOf } from './jinja/jinja-error.js';
import { normalizeSource } from './jinja/lexer.js';
import { literalTexts } from './jinja/literal-texts.js';
import { parse } from './jinja/parser.js';
import { Dict, type Value, valueFromLiteral, valueFromUnknown } from './jinja/value.js';
import { DEFAULT_LIMITS, type JinjaLimits } from './jinja/work.js';
import type { LiteralValue } from './literal-value.js';
import { markControlTexts } from './marked-text.js';

/** JSON-like data of the caller, or {@link Exact} data, whose numbers keep their spelling. */
export type TemplateData = unknown;

/** Data read by `readJson`: `1.0` stays a float, integers of any size and the order of keys survive. */
export class Exact {
  constructor(readonly literal: LiteralValue) {}
}

export interface ChatTemplateInput {
  /** Messages as chat APIs have them; a key whose value is null counts as absent. */
  readonly messages: readonly TemplateData[] | Exact;
  /** Function specifications; absent and null are Python's None. */
  readonly tools?: readonly TemplateData[] | Exact | null | undefined;
  readonly documents?: readonly TemplateData[] | Exact | null | undefined;
  /** Whether the text ends in the header of the answer to come. Default false. */
  readonly addGenerationPrompt?: boolean | undefined;
  /** Whether the text ends behind the last message's content, for the model to go on. Default false. */
  readonly continueFinalMessage?: boolean | undefined;
  /** Further variables, such as `enable_thinking` or `bos_token`. */
  readonly variables?: Readonly<Record<string, TemplateData>> | undefined;
  /**
   * Texts of control tokens. Where data contains one, its characters are told apart in {@link RenderedChat.literalSpans}, so
   * that a tokenizer can encode them as plain text. See {@link ChatTemplate.controlTokens}.
   */
  readonly controlTokens?: readonly string[] | undefined;
  /** Variables that are trusted like the template itself: what they contain is no data. */
  readonly trustedVariables?: Readonly<Record<string, TemplateData>> | undefined;
}

export interface RenderedChat {
  readonly text: string;
  /** What the model is to write, by the template's `{% generation %}` blocks: [start, end) in UTF-16 units of `text`. */
  readonly generationSpans: readonly (readonly [number, number])[];
  /** Control tokens that came from data, to be encoded as plain text: [start, end) in UTF-16 units of `text`, in order. */
  readonly literalSpans: readonly (readonly [number, number])[];
}

export interface ChatTemplateOptions {
  readonly limits?: Partial<JinjaLimits> | undefined;
  /** Clock of `strftime_now`. Default: the system's, in local time. */
  readonly now?: (() => Date) | undefined;
}

/**
 * A chat template as Hugging Face models carry it: Jinja with `trim_blocks`, `lstrip_blocks`, loop controls,
 * `{% generation %}`, and the `tojson`, `raise_exception` and `strftime_now` of transformers.
 *
 * Templates are other people's programs: they see nothing but the data passed, and a rendering is bounded in steps, output and
 * nesting ({@link JinjaLimits}).
 *
 * @throws {JinjaError} kind syntax, unsupported or limit, with line and column.
 */
export class ChatTemplate {
  readonly source: string;
  readonly #program: readonly Statement[];
  readonly #limits: JinjaLimits;
  readonly #now: () => Date;
  #literalTexts: readonly string[] | undefined;

  constructor(source: string, { limits = {}, now = () => new Date() }: ChatTemplateOptions = {}) {
    this.source = normalizeSource(source);
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
    this.#now = now;
    this.#program = this.#placed(() => parse(this.source));
  }

  /**
   * Tokens that data must not forge: every special token, and other added tokens that the template itself writes.
   * @see transformers, `apply_chat_template(sanitize_control_tokens=True)`.
   */
  controlTokens(added: readonly { readonly content: string; readonly special: boolean }[]): string[] {
    this.#literalTexts ??= literalTexts(this.#program);
    const texts = this.#literalTexts;
    return added
      .filter(
        ({ content, special }) =>
          special || (content.trim() !== '' && texts.some((literal) => literal.includes(content))),
      )
      .map(({ content }) => content);
  }

  /**
   * The text a model reads.
   *
   * @throws {JinjaError} with the template's own message (kind raised), or saying what it could not do with this input.
   */
  render(input: ChatTemplateInput): RenderedChat {
    return this.#placed(() => this.#render(input));
  }

  #render(input: ChatTemplateInput): RenderedChat {
    const { continueFinalMessage = false, addGenerationPrompt = false } = input;
    if (continueFinalMessage && addGenerationPrompt) {
      throw new JinjaFailure('value', 'expected addGenerationPrompt or continueFinalMessage, received both', 0);
    }
    const messages = toValue(input.messages);
    if (!Array.isArray(messages)) throw new JinjaFailure('type', 'expected messages to be a list', 0);
    const prepared = (messages as readonly Value[]).map(prepareMessage);
    if (continueFinalMessage) tagFinalMessage(prepared);
    let variables = new Map<string, Value>(
      Object.entries(input.variables ?? {}).map(([name, value]) => [name, toValue(value)]),
    );
    variables.set('messages', prepared);
    variables.set('tools', toValue(input.tools ?? null));
    variables.set('documents', toValue(input.documents ?? null));
    variables.set('add_generation_prompt', addGenerationPrompt);
    const marks = markControlTexts(variables, input.controlTokens ?? []);
    variables = marks.variables;
    for (const [name, value] of Object.entries(input.trustedVariables ?? {})) {
      if (!variables.has(name)) variables.set(name, toValue(value));
    }
    const rendering = run(this.#program, variables, { limits: this.#limits, now: this.#now, plain: marks.plain });
    const text = continueFinalMessage ? cutAtTag(rendering.text) : rendering.text;
    return {
      text: marks.plain(text),
      generationSpans: rendering.generationSpans,
      literalSpans: marks.spansOf(text),
    };
  }

  #placed<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof JinjaFailure)) throw error;
      throw new JinjaError(error.kind, error.message, placeOf(this.source, error.at ?? 0));
    }
  }
}

function toValue(data: TemplateData): Value {
  return data instanceof Exact ? valueFromLiteral(data.literal) : valueFromUnknown(data);
}

const REASONING = ['reasoning_content', 'thinking', 'reasoning'];

/** As transformers prepares messages: null is absent, and reasoning is there under both names that templates use. */
function prepareMessage(message: Value): Value {
  if (!(message instanceof Dict)) throw new JinjaFailure('type', 'expected every message to be an object', 0);
  const present = [...message.entries()].filter(([, value]) => value !== null);
  const reasoning = REASONING.map((name) => message.get(name)).find((value) => value !== undefined && value !== null);
  if (reasoning === undefined) return new Dict(present);
  return new Dict([['thinking', reasoning], ...present, ['reasoning_content', reasoning]]);
}

/** Marks where the final message's content ends. The trailing space tells whether the template keeps white space. */
const FINAL_TAG = 'CONTINUE_FINAL_MESSAGE_TAG ';

function tagFinalMessage(messages: Value[]): void {
  const last = messages.at(-1);
  const content = last instanceof Dict ? last.get('content') : undefined;
  if (!(last instanceof Dict) || content === undefined) {
    throw new JinjaFailure('value', 'expected a last message with content to continue', 0);
  }
  const tagged = new Dict(last.entries());
  if (typeof content === 'string') tagged.set('content', content + FINAL_TAG);
  else if (Array.isArray(content)) {
    const parts = [...(content as readonly Value[])];
    const index = parts.findLastIndex((part) => part instanceof Dict && typeof part.get('text') === 'string');
    const part = parts[index];
    if (!(part instanceof Dict)) throw new JinjaFailure('value', 'expected a last message with text to continue', 0);
    const changed = new Dict(part.entries());
    changed.set('text', `${part.get('text')}${FINAL_TAG}`);
    parts[index] = changed;
    tagged.set('content', parts);
  } else throw new JinjaFailure('value', 'expected a last message with text to continue', 0);
  messages[messages.length - 1] = tagged;
}

function cutAtTag(text: string): string {
  const at = text.lastIndexOf(FINAL_TAG.trim());
  if (at < 0) {
    throw new JinjaFailure('value', 'expected the template to write the last message, to continue it', 0);
  }
  return text.startsWith(FINAL_TAG, at) ? text.slice(0, at) : text.slice(0, at).trimEnd();
}
