import { readFile } from 'node:fs/promises';
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import type { Segment } from '@parl-mt/chat';
import { UsageError } from '@parl-mt/schema';
import { byteToCharacter } from './byte-alphabet.js';

/** Distinct pre-tokens (words) whose ids are remembered; more than that and the memory starts anew. */
const WORD_CACHE_LIMIT = 200_000;
/** Distinct texts (tool lists, messages) remembered whole. */
const TEXT_CACHE_LIMIT = 20_000;

/**
 * A Hugging Face `tokenizer.json`. Special tokens are atomic and come only from `special` segments: text that spells one
 * is encoded as its characters, so that no user message or tool result can forge a message boundary.
 */
export class Tokenizer {
  readonly #ordinary: HuggingFaceTokenizer;
  readonly #tokens: readonly (string | undefined)[];
  readonly #addedIds: ReadonlyMap<string, number>;
  readonly #addedTokens: ReadonlyMap<number, string>;
  readonly #decodeWords: (tokens: string[]) => string;
  readonly #wordCache = new Map<string, readonly number[]>();
  readonly #textCache = new Map<string, readonly number[]>();

  /**
   * @param json - parsed `tokenizer.json`.
   * @throws {UsageError} when it is none.
   */
  constructor(json: unknown) {
    const content = json as { added_tokens?: { id: number; content: string }[]; decoder?: { type?: string } };
    const full = load(json);
    // Without added tokens the library encodes their spelling as ordinary text.
    this.#ordinary = load({ ...content, added_tokens: [] });
    const vocab = full.get_vocab();
    const tokens: string[] = [];
    for (const [token, id] of vocab) tokens[id] = token;
    this.#tokens = tokens;
    const added = content.added_tokens ?? [];
    this.#addedIds = new Map(added.map((token) => [token.content, token.id]));
    this.#addedTokens = new Map(added.map((token) => [token.id, token.content]));
    this.#decodeWords =
      content.decoder?.type === 'ByteLevel' ? byteLevelDecoder() : (words) => this.#ordinary.decoder?.(words) ?? '';
  }

  /** @throws {UsageError} when the file cannot be read or is no tokenizer. */
  static async fromFile(path: string): Promise<Tokenizer> {
    try {
      return new Tokenizer(JSON.parse(await readFile(path, 'utf8')));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new UsageError(`expected a Hugging Face tokenizer.json at ${path}: ${reason}`, { cause: error });
    }
  }

  /** One more than the greatest id. */
  get vocabSize(): number {
    return this.#tokens.length;
  }

  /**
   * Id of an atomic token.
   * @throws {UsageError} when this tokenizer has none of that spelling.
   */
  specialId(token: string): number {
    const id = this.#addedIds.get(token);
    if (id === undefined) {
      throw new UsageError(`expected a special token of ${[...this.#addedIds.keys()].join(' ')}, received ${token}`);
    }
    return id;
  }

  /** Ids of ordinary text; never an atomic token. */
  encode(text: string): readonly number[] {
    const known = this.#textCache.get(text);
    if (known) return known;
    const { normalizer, pre_tokenizer: preTokenizer } = this.#ordinary;
    const normalized = normalizer ? normalizer(text) : text;
    const words = preTokenizer ? preTokenizer(normalized) : [normalized];
    const ids: number[] = [];
    for (const word of words) {
      for (const id of this.#encodeWord(word)) ids.push(id);
    }
    if (this.#textCache.size >= TEXT_CACHE_LIMIT) this.#textCache.clear();
    this.#textCache.set(text, ids);
    return ids;
  }

  /** Ids of segments, one after another. */
  encodeSegments(segments: readonly Segment[]): number[] {
    const ids: number[] = [];
    for (const segment of segments) {
      for (const id of this.#encodeSegment(segment)) ids.push(id);
    }
    return ids;
  }

  /** Ids of segments, and for each id whether the loss applies to it. */
  encodeForTraining(segments: readonly Segment[]): { tokens: Int32Array; lossMask: Uint8Array } {
    const ids: number[] = [];
    const mask: number[] = [];
    for (const segment of segments) {
      for (const id of this.#encodeSegment(segment)) {
        ids.push(id);
        mask.push(segment.trained === true ? 1 : 0);
      }
    }
    return { tokens: Int32Array.from(ids), lossMask: Uint8Array.from(mask) };
  }

  /** Length of `encodeSegments`, for budgets. */
  countTokens(segments: readonly Segment[]): number {
    return segments.reduce((sum, segment) => sum + this.#encodeSegment(segment).length, 0);
  }

  /**
   * Text of ids; atomic tokens are spelled out. Bytes that are no UTF-8 become U+FFFD.
   * @throws {UsageError} for an id outside the vocabulary.
   */
  decode(ids: Iterable<number>): string {
    let text = '';
    let words: string[] = [];
    const flush = () => {
      if (words.length > 0) text += this.#decodeWords(words);
      words = [];
    };
    for (const id of ids) {
      const added = this.#addedTokens.get(id);
      if (added !== undefined) {
        flush();
        text += added;
        continue;
      }
      const token = this.#tokens[id];
      if (token === undefined) throw new UsageError(`expected token ids in [0, ${this.vocabSize}), received ${id}`);
      words.push(token);
    }
    flush();
    return text;
  }

  #encodeSegment(segment: Segment): readonly number[] {
    switch (segment.kind) {
      case 'special':
        return [this.specialId(segment.token)];
      case 'text':
        return this.encode(segment.text);
      case 'tokens':
        return segment.ids;
    }
  }

  #encodeWord(word: string): readonly number[] {
    const known = this.#wordCache.get(word);
    if (known) return known;
    const model = this.#ordinary.model!;
    const ids = model([word]).map((token: string) => {
      const id = this.#ordinary.token_to_id(token);
      if (id === undefined)
        throw new UsageError(`expected the vocabulary to cover ${JSON.stringify(word)}, no ${token}`);
      return id;
    });
    if (this.#wordCache.size >= WORD_CACHE_LIMIT) this.#wordCache.clear();
    this.#wordCache.set(word, ids);
    return ids;
  }
}

function load(json: unknown): HuggingFaceTokenizer {
  try {
    return new HuggingFaceTokenizer(json as object, {});
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`expected a Hugging Face tokenizer.json: ${reason}`, { cause: error });
  }
}

/** The bytes of all words together, read as UTF-8. A character outside the byte alphabet stands for itself. */
function byteLevelDecoder(): (words: string[]) => string {
  const bytes = new Map(byteToCharacter().map((character, byte) => [character, byte]));
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
  const encoder = new TextEncoder();
  return (words) => {
    const collected: number[] = [];
    for (const word of words) {
      for (const character of word) {
        const byte = bytes.get(character);
        if (byte !== undefined) collected.push(byte);
        else collected.push(...encoder.encode(character));
      }
    }
    return utf8.decode(Uint8Array.from(collected));
  };
}
