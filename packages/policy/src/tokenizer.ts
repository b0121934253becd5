import { readFile } from 'node:fs/promises';
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import type { Segment } from '@parl-mt/chat';
import type { TokenTexts } from '@parl-mt/native';
import { UsageError } from '@parl-mt/schema';
import { type AddedToken, AddedTokenSplitter, readAddedToken, type TextPart } from './added-tokens.js';
import { byteToCharacter } from './byte-alphabet.js';
import { alignNormalized } from './text-alignment.js';
import { byteLevelBytes, fallbackByte, tokenDecoder } from './token-decoder.js';
import { alignTokens, type TokenOffset, type TokenSpelling, trimOffset } from './token-offsets.js';

/** Distinct pre-tokens (words) whose ids are remembered; more than that and the memory starts anew. */
const WORD_CACHE_LIMIT = 200_000;
/** Distinct texts (tool lists, messages) remembered whole. */
const TEXT_CACHE_LIMIT = 20_000;
/** Greatest id of an added token: a vocabulary is kept as a dense list. */
const MAX_ADDED_ID = 2_000_000;

/** One token of a text. */
export interface TokenizedText {
  readonly ids: readonly number[];
  readonly tokens: readonly string[];
  /** [start, end) of each token in the text, in UTF-16 units; a character cut into several tokens repeats its range. */
  readonly offsets: readonly TokenOffset[];
}

export interface TokenizeOptions {
  /** Takes the spelling of an added token for ordinary text. Default false. */
  readonly isLiteral?: boolean;
  /** The text goes on from another: no space is put in front of it where a tokenizer does that for a whole text. Default false. */
  readonly isContinuation?: boolean;
}

export interface DecodeOptions {
  /** Leaves out added tokens that are marked special. Default false. */
  readonly skipSpecialTokens?: boolean;
}

/**
 * A Hugging Face `tokenizer.json`. Two ways in: `encode` and `encodeSegments` take text for what it is, so that no user
 * message or tool result can forge a message boundary; `tokenize` finds added tokens in the text, as the Hugging Face library does.
 */
export class Tokenizer {
  readonly #ordinary: HuggingFaceTokenizer;
  readonly #tokens: readonly (string | undefined)[];
  readonly #idsOfTokens: ReadonlyMap<string, number>;
  readonly #addedIds: ReadonlyMap<string, number>;
  readonly #addedTokens: ReadonlyMap<number, AddedToken>;
  readonly #decode: (tokens: readonly string[]) => string;
  readonly #spelling: TokenSpelling;
  readonly #missingBytes: ReadonlySet<number>;
  readonly #trimsOffsets: boolean;
  /** Ids that the post-processor puts before and behind a text. */
  readonly #affixes: readonly [readonly number[], readonly number[]];
  readonly #splitOriginal: AddedTokenSplitter;
  readonly #splitNormalized: AddedTokenSplitter;
  #tokenTexts: TokenTexts | undefined;
  readonly #wordCache = new Map<string, readonly number[]>();
  readonly #textCache = new Map<string, readonly number[]>();

  /**
   * @param json - parsed `tokenizer.json`.
   * @param config - parsed `tokenizer_config.json`, for added tokens that only it names. Either form: with or without
   *   `added_tokens_decoder`.
   * @throws {UsageError} when it is none.
   */
  constructor(json: unknown, config: unknown = {}) {
    const content = checkedJson(json);
    const added = addedTokens(content, config);
    const full = load({ ...content, added_tokens: added.map(toJson) });
    // Without added tokens the library encodes their spelling as ordinary text.
    this.#ordinary = load({ ...content, added_tokens: [] });
    const tokens: string[] = [];
    const ids = new Map<string, number>();
    for (const [token, id] of full.get_vocab()) {
      if (token === undefined) continue;
      tokens[id] = token;
      ids.set(token, id);
    }
    this.#tokens = tokens;
    this.#idsOfTokens = ids;
    this.#addedIds = new Map(added.map((token) => [token.content, token.id]));
    this.#addedTokens = new Map(added.map((token) => [token.id, token]));
    const decoder = tokenDecoder(content.decoder);
    this.#decode = decoder
      ? (words) => decoder(words).join('')
      : (words) =>
          words.length === 0
            ? ''
            : guarded('its decoder', () => this.#ordinary.decoder?.([...words]) ?? words.join(' '));
    this.#spelling = spellingOf(content.pre_tokenizer, content.decoder);
    this.#missingBytes = new Set(
      this.#spelling === 'bytes'
        ? byteToCharacter().flatMap((character, byte) => (ids.has(character) ? [] : [byte]))
        : [],
    );
    this.#trimsOffsets = trimsOffsets(content.post_processor);
    this.#affixes = guarded('its post-processor', () => this.#readAffixes(full));
    const { normalizer } = this.#ordinary;
    const isNormalized = (token: AddedToken): boolean => token.normalized && normalizer !== null;
    this.#splitOriginal = splitterOf(
      added.filter((token) => !isNormalized(token)),
      (text) => text,
    );
    this.#splitNormalized = splitterOf(added.filter(isNormalized), (text) => this.#normalize(text));
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

  /** Tokens that are found in text as a whole, in the order of the file. */
  get addedTokens(): readonly AddedToken[] {
    return [...this.#addedTokens.values()];
  }

  /** How the vocabulary writes a token; undefined for an id outside it. */
  tokenOf(id: number): string | undefined {
    return this.#tokens[id];
  }

  /** Id of an entry of the vocabulary, added tokens included; undefined where there is none. */
  idOf(token: string): number | undefined {
    return this.#idsOfTokens.get(token);
  }

  /**
   * The bytes that a token adds to a text, for work below the level of characters: stop texts, grammars. A space that a decoder
   * takes from the front of a whole text is still there.
   */
  tokenBytes(id: number): Uint8Array {
    const token = this.#tokens[id];
    if (token === undefined) throw new UsageError(`expected token ids in [0, ${this.vocabSize}), received ${id}`);
    if (this.#addedTokens.has(id)) return new TextEncoder().encode(token);
    if (this.#spelling === 'bytes') return byteLevelBytes([token]);
    const byte = fallbackByte(token);
    if (byte !== undefined) return Uint8Array.of(byte);
    return new TextEncoder().encode(this.#spelling === 'metaspace' ? token.replaceAll('▁', ' ') : token);
  }

  /** The bytes of every token, as the sampler needs them to find stop texts. Computed once. */
  get tokenTexts(): TokenTexts {
    this.#tokenTexts ??= collectTokenTexts(this.vocabSize, (id) =>
      this.#tokens[id] === undefined ? new Uint8Array() : this.tokenBytes(id),
    );
    return this.#tokenTexts;
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
    const words = this.#words(this.#normalize(text), {});
    const ids: number[] = [];
    for (const word of words) {
      for (const id of this.#encodeWord(word)) ids.push(id);
    }
    if (this.#textCache.size >= TEXT_CACHE_LIMIT) this.#textCache.clear();
    this.#textCache.set(text, ids);
    return ids;
  }

  /**
   * Ids of text in which added tokens become their ids, as `tokenize` has them, without their places.
   *
   * @param options - as of `tokenize`.
   */
  encodeMarked(text: string, { isLiteral = false, isContinuation = false }: TokenizeOptions = {}): number[] {
    const ids: number[] = [];
    const firstIndex = isContinuation ? 1 : 0;
    const parts = isLiteral ? wholeText(text) : this.#splitOriginal.split(text);
    for (const [index, part] of parts.entries()) {
      if (part.token !== undefined) {
        ids.push(part.token.id);
        continue;
      }
      const normalized = this.#normalize(text.slice(part.start, part.end));
      for (const inner of isLiteral ? wholeText(normalized) : this.#splitNormalized.split(normalized)) {
        if (inner.token !== undefined) {
          ids.push(inner.token.id);
          continue;
        }
        const words = this.#words(normalized.slice(inner.start, inner.end), { section_index: firstIndex + index });
        for (const word of words) for (const id of this.#encodeWord(word)) ids.push(id);
      }
    }
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
   * Text of ids; added tokens are spelled out. Bytes that are no UTF-8 become U+FFFD, as many as the Rust library writes.
   * @throws {UsageError} for an id outside the vocabulary.
   */
  decode(ids: Iterable<number>, { skipSpecialTokens = false }: DecodeOptions = {}): string {
    const words: string[] = [];
    for (const id of ids) {
      const token = this.#tokens[id];
      if (token === undefined) throw new UsageError(`expected token ids in [0, ${this.vocabSize}), received ${id}`);
      if (skipSpecialTokens && this.#addedTokens.get(id)?.special === true) continue;
      words.push(token);
    }
    return this.#decode(words);
  }

  /**
   * Tokens of a whole text; added tokens inside it become their ids.
   *
   * @throws {UsageError} when offsets cannot be had: a normaliser or pre-tokenizer that drops or moves text.
   */
  tokenize(text: string, { isLiteral = false, isContinuation = false }: TokenizeOptions = {}): TokenizedText {
    const ids: number[] = [];
    const tokens: string[] = [];
    const offsets: TokenOffset[] = [];
    const add = (token: string, offset: TokenOffset): void => {
      ids.push(this.#idOfWordPiece(token, text));
      tokens.push(token);
      offsets.push(offset);
    };
    const firstIndex = isContinuation ? 1 : 0;
    const parts = isLiteral ? wholeText(text) : this.#splitOriginal.split(text);
    for (const [index, part] of parts.entries()) {
      if (part.token !== undefined) {
        add(part.token.content, [part.start, part.end]);
        continue;
      }
      const aligned = alignNormalized(text.slice(part.start, part.end), (piece) => this.#normalize(piece));
      if (aligned === undefined) throw notAligned(text);
      for (const inner of isLiteral ? wholeText(aligned.text) : this.#splitNormalized.split(aligned.text)) {
        const piece = {
          text: aligned.text.slice(inner.start, inner.end),
          starts: aligned.starts.subarray(inner.start, inner.end),
          ends: aligned.ends.subarray(inner.start, inner.end),
        };
        const [pieceStart, pieceEnd] = [piece.starts[0]!, piece.ends.at(-1)!];
        if (inner.token !== undefined) {
          add(inner.token.content, [part.start + pieceStart, part.start + pieceEnd]);
          continue;
        }
        const words = this.#words(piece.text, { section_index: firstIndex + index });
        const pieces = this.#pieces(words);
        const places = alignTokens(pieces, piece, this.#spelling, this.#missingBytes);
        if (places === undefined) throw notAligned(text);
        for (const [i, token] of pieces.entries()) {
          const [start, end] = places[i]!;
          add(token, [part.start + start, part.start + end]);
        }
      }
    }
    return { ids, tokens, offsets: this.#trimsOffsets ? offsets.map((offset) => trimOffset(text, offset)) : offsets };
  }

  /** The ids with those around them that the post-processor adds to a whole text, such as the begin token. */
  withSpecialTokens(ids: readonly number[]): number[] {
    return [...this.#affixes[0], ...ids, ...this.#affixes[1]];
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

  #normalize(text: string): string {
    const { normalizer } = this.#ordinary;
    return normalizer ? guarded('its normalizer', () => normalizer(text)) : text;
  }

  #words(text: string, options: { readonly section_index?: number }): readonly string[] {
    const { pre_tokenizer: preTokenizer } = this.#ordinary;
    return preTokenizer ? guarded('its pre-tokenizer', () => preTokenizer(text, options)) : [text];
  }

  #pieces(words: readonly string[]): readonly string[] {
    return guarded('its model', () => this.#ordinary.model!([...words]) as string[]);
  }

  #encodeWord(word: string): readonly number[] {
    const known = this.#wordCache.get(word);
    if (known) return known;
    const ids = this.#pieces([word]).map((token) => this.#idOfWordPiece(token, word));
    if (this.#wordCache.size >= WORD_CACHE_LIMIT) this.#wordCache.clear();
    this.#wordCache.set(word, ids);
    return ids;
  }

  #idOfWordPiece(token: string, word: string): number {
    const id = this.#idsOfTokens.get(token);
    if (id === undefined) {
      throw new UsageError(
        `expected the vocabulary to cover ${JSON.stringify(String(word).slice(0, 60))}, no ${token}`,
      );
    }
    return id;
  }

  #readAffixes(full: HuggingFaceTokenizer): [number[], number[]] {
    // Stands for the text: no token of any vocabulary is written like this.
    const marker = '\0text\0';
    const processed = full.post_processor ? full.post_processor([marker], null, true).tokens : [marker];
    const at = processed.indexOf(marker);
    const ids = (tokens: readonly string[]): number[] => tokens.map((token) => this.#idOfWordPiece(token, token));
    return [ids(processed.slice(0, at)), ids(processed.slice(at + 1))];
  }
}

interface CheckedJson {
  readonly added_tokens?: unknown;
  readonly pre_tokenizer?: unknown;
  readonly post_processor?: unknown;
  readonly decoder?: unknown;
}

/** Refuses what the library would take for a tokenizer and then fail on, or never finish with. */
function checkedJson(json: unknown): CheckedJson {
  const fail = (what: string): UsageError => new UsageError(`expected a Hugging Face tokenizer.json: ${what}`);
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw fail('it is no object');
  const { model, added_tokens: added } = json as { model?: unknown; added_tokens?: unknown };
  if (typeof model !== 'object' || model === null) throw fail('it has no model');
  if (added !== undefined && added !== null && !Array.isArray(added)) throw fail('added_tokens is no list');
  const { vocab } = model as { vocab?: unknown };
  if (typeof vocab !== 'object' || vocab === null) throw fail('its model has no vocab');
  if (!Array.isArray(vocab)) {
    const limit = 4 * Object.keys(vocab).length + 1_000_000;
    for (const [token, id] of Object.entries(vocab)) {
      if (!Number.isInteger(id) || (id as number) < 0 || (id as number) > limit) {
        throw fail(`the id of ${JSON.stringify(token.slice(0, 40))} is ${String(id)}, not an integer in [0, ${limit}]`);
      }
    }
  }
  return json;
}

/** Tokens of the file, and those that only the configuration names. */
function addedTokens(content: CheckedJson, config: unknown): AddedToken[] {
  const listed = Array.isArray(content.added_tokens) ? content.added_tokens : [];
  const tokens = listed.map((json) => {
    const token = readAddedToken(json);
    if (token === undefined || token.id > MAX_ADDED_ID) {
      throw new UsageError(
        `expected a Hugging Face tokenizer.json: an added token has no id or content, received ${JSON.stringify(json)?.slice(0, 80)}`,
      );
    }
    return token;
  });
  const known = new Set(tokens.map(({ id }) => id));
  const extra = (config as { added_tokens_decoder?: unknown } | null)?.added_tokens_decoder;
  if (typeof extra === 'object' && extra !== null) {
    for (const [id, json] of Object.entries(extra)) {
      const token = readAddedToken(json, Number(id));
      if (token !== undefined && token.id <= MAX_ADDED_ID && !known.has(token.id)) tokens.push(token);
    }
  }
  return tokens;
}

function toJson({ id, content, special, singleWord, lstrip, rstrip, normalized }: AddedToken): object {
  return { id, content, special, single_word: singleWord, lstrip, rstrip, normalized };
}

function splitterOf(tokens: readonly AddedToken[], spell: (content: string) => string): AddedTokenSplitter {
  return new AddedTokenSplitter(new Map(tokens.map((token) => [spell(token.content), token])));
}

function collectTokenTexts(count: number, bytesOf: (id: number) => Uint8Array): TokenTexts {
  const texts = Array.from({ length: count }, (_, id) => bytesOf(id));
  const offsets = new Int32Array(count + 1);
  for (const [id, text] of texts.entries()) offsets[id + 1] = offsets[id]! + text.length;
  const bytes = new Uint8Array(offsets[count]!);
  for (const [id, text] of texts.entries()) bytes.set(text, offsets[id]);
  return { bytes, offsets };
}

function wholeText(text: string): TextPart[] {
  return text === '' ? [] : [{ start: 0, end: text.length, token: undefined }];
}

function load(json: unknown): HuggingFaceTokenizer {
  try {
    return new HuggingFaceTokenizer(json as object, {});
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`expected a Hugging Face tokenizer.json: ${reason}`, { cause: error });
  }
}

/** What the library throws on a file that it does not understand, as an error that says so. */
function guarded<T>(part: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`expected a Hugging Face tokenizer.json: ${part} does not work: ${reason}`, { cause: error });
  }
}

function notAligned(text: string): UsageError {
  return new UsageError(
    `expected a tokenizer that keeps all of a text, to say where its tokens lie in ${JSON.stringify(text.slice(0, 60))}`,
  );
}

/** Whether a part of the file, or a part inside it, has a type. */
function hasPart(json: unknown, type: string): boolean {
  if (typeof json !== 'object' || json === null) return false;
  const { type: own, pretokenizers, decoders, processors } = json as Readonly<Record<string, unknown>>;
  if (own === type) return true;
  return [pretokenizers, decoders, processors].some(
    (parts) => Array.isArray(parts) && parts.some((part) => hasPart(part, type)),
  );
}

function spellingOf(preTokenizer: unknown, decoder: unknown): TokenSpelling {
  if (hasPart(preTokenizer, 'ByteLevel') || hasPart(decoder, 'ByteLevel')) return 'bytes';
  return hasPart(preTokenizer, 'Metaspace') || hasPart(decoder, 'ByteFallback') ? 'metaspace' : 'characters';
}

function trimsOffsets(postProcessor: unknown): boolean {
  if (typeof postProcessor !== 'object' || postProcessor === null) return false;
  const { type, trim_offsets: trims, processors } = postProcessor as Readonly<Record<string, unknown>>;
  if (type === 'Sequence' && Array.isArray(processors)) return processors.some(trimsOffsets);
  return (type === 'ByteLevel' || type === 'RobertaProcessing') && trims !== false;
}
