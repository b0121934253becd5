import { byteToCharacter } from './byte-alphabet.js';

/** A step of decoding: tokens in, tokens out; what is left is joined. */
export type TokenDecoder = (tokens: readonly string[]) => string[];

interface DecoderJson {
  readonly type?: unknown;
  readonly decoders?: unknown;
  readonly pattern?: { readonly String?: unknown };
  readonly content?: unknown;
  readonly start?: unknown;
  readonly stop?: unknown;
  readonly replacement?: unknown;
  readonly prepend_scheme?: unknown;
}

/**
 * The decoder of a `tokenizer.json` as the Rust library runs it, in what language models use: ByteLevel, ByteFallback, Fuse,
 * Strip, Replace of a string, Metaspace, and Sequences of them. `@huggingface/tokenizers` 0.2 decodes broken UTF-8 and a leading
 * U+FEFF differently.
 *
 * @returns undefined for a decoder that has other parts.
 */
export function tokenDecoder(json: unknown): TokenDecoder | undefined {
  if (typeof json !== 'object' || json === null) return undefined;
  const decoder = json as DecoderJson;
  switch (decoder.type) {
    case 'ByteLevel':
      return (tokens) => [UTF8.decode(byteLevelBytes(tokens))];
    case 'ByteFallback':
      return byteFallback;
    case 'Fuse':
      return (tokens) => [tokens.join('')];
    case 'Strip':
      return strip(String(decoder.content ?? ''), count(decoder.start), count(decoder.stop));
    case 'Replace': {
      const pattern = decoder.pattern?.String;
      if (typeof pattern !== 'string') return undefined;
      return (tokens) => tokens.map((token) => token.replaceAll(pattern, String(decoder.content ?? '')));
    }
    case 'Metaspace':
      return metaspace(String(decoder.replacement ?? '▁'), decoder.prepend_scheme !== 'never');
    case 'Sequence': {
      const steps = (Array.isArray(decoder.decoders) ? decoder.decoders : []).map(tokenDecoder);
      if (steps.includes(undefined)) return undefined;
      return (tokens) => steps.reduce<string[]>((current, step) => step!(current), [...tokens]);
    }
    default:
      return undefined;
  }
}

/** Replaces each maximal part of broken UTF-8 by U+FFFD, as Rust's `from_utf8_lossy`; keeps a leading U+FEFF. */
const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });
const STRICT_UTF8 = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });
const ENCODER = new TextEncoder();
const BYTES: ReadonlyMap<string, number> = new Map(byteToCharacter().map((character, byte) => [character, byte]));

/** The bytes that byte-level tokens spell; a token with a character outside the byte alphabet stands for itself. */
export function byteLevelBytes(tokens: readonly string[]): Uint8Array {
  const bytes: number[] = [];
  for (const token of tokens) {
    const start = bytes.length;
    for (const character of token) {
      const byte = BYTES.get(character);
      if (byte === undefined) {
        bytes.length = start;
        for (const own of ENCODER.encode(token)) bytes.push(own);
        break;
      }
      bytes.push(byte);
    }
  }
  return Uint8Array.from(bytes);
}

const BYTE_TOKEN = /^<0x([0-9A-Fa-f]{2})>$/;

/** The byte that a token such as `<0xE2>` stands for. */
export function fallbackByte(token: string): number | undefined {
  const hex = BYTE_TOKEN.exec(token)?.[1];
  return hex === undefined ? undefined : Number.parseInt(hex, 16);
}

/** Runs of byte tokens become text, or as many U+FFFD as they are bytes where they are not all UTF-8. */
function byteFallback(tokens: readonly string[]): string[] {
  const decoded: string[] = [];
  let bytes: number[] = [];
  const flush = (): void => {
    if (bytes.length === 0) return;
    try {
      decoded.push(STRICT_UTF8.decode(Uint8Array.from(bytes)));
    } catch {
      decoded.push(...Array<string>(bytes.length).fill('\ufffd'));
    }
    bytes = [];
  };
  for (const token of tokens) {
    const byte = fallbackByte(token);
    if (byte === undefined) {
      flush();
      decoded.push(token);
    } else bytes.push(byte);
  }
  flush();
  return decoded;
}

function strip(content: string, start: number, stop: number): TokenDecoder {
  return (tokens) =>
    tokens.map((token) => {
      const characters = [...token];
      let [from, to] = [0, characters.length];
      while (from < start && from < to && characters[from] === content) from += 1;
      for (let i = 0; i < stop && to > from && characters[to - 1] === content; i++) to -= 1;
      return characters.slice(from, to).join('');
    });
}

function metaspace(replacement: string, isPrepended: boolean): TokenDecoder {
  return (tokens) => tokens.map((token, i) => token.replaceAll(replacement, i === 0 && isPrepended ? '' : ' '));
}

function count(value: unknown): number {
  return typeof value === 'number' && value > 0 ? value : 0;
}
