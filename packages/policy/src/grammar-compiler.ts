import { automatonEdges, type Expression } from '@parl-mt/chat';
import { TokenGrammar, TokenTree } from '@parl-mt/native';
import { UsageError } from '@parl-mt/schema';
import type { Tokenizer } from './tokenizer.js';

/** No byte of UTF-8: what follows is the id of a special token, in three bytes. */
const SPECIAL = 0xff;

/**
 * Turns grammars into masks over a tokenizer's vocabulary, for `GenerationRequest.grammar`. Added tokens are letters of their own:
 * the text of a grammar cannot spell one, `specialToken` can.
 *
 * @example
 * const compiler = new GrammarCompiler(tokenizer, decoder.architecture.vocabSize);
 * const grammar = compiler.compile(toolCallExpression('hermes', tools));
 * await generator.generate([{ prompt, maxNewTokens: 200, seed: 1, grammar }], { temperature: 1, stopTokens: [end] });
 */
export class GrammarCompiler {
  readonly #tokenizer: Tokenizer;
  readonly #tree: TokenTree;

  /** @param vocabSize - of the model, which may have more rows than the tokenizer has tokens; those are never allowed. */
  constructor(tokenizer: Tokenizer, vocabSize: number = tokenizer.vocabSize) {
    if (vocabSize < tokenizer.vocabSize) {
      throw new UsageError(
        `expected vocabSize to be at least the tokenizer's ${tokenizer.vocabSize}, received ${vocabSize}`,
      );
    }
    this.#tokenizer = tokenizer;
    const special = new Set(tokenizer.addedTokens.map(({ id }) => id));
    const spelled = Array.from({ length: vocabSize }, (_, id): Uint8Array => {
      if (special.has(id)) return Uint8Array.from(specialBytes(id));
      const bytes = tokenizer.tokenOf(id) === undefined ? new Uint8Array() : tokenizer.tokenBytes(id);
      // A token with the byte that stands for special tokens: in no text of UTF-8, so it never comes.
      return bytes.includes(SPECIAL) ? new Uint8Array() : bytes;
    });
    const offsets = new Int32Array(vocabSize + 1);
    for (const [id, { length }] of spelled.entries()) offsets[id + 1] = offsets[id]! + length;
    const bytes = new Uint8Array(offsets[vocabSize]!);
    for (const [id, each] of spelled.entries()) bytes.set(each, offsets[id]!);
    this.#tree = new TokenTree({ bytes, offsets });
  }

  /** The masks of a grammar. A special token that the tokenizer does not have is spelled out as text. */
  compile(expression: Expression): TokenGrammar {
    return new TokenGrammar(this.#tree, this.edges(expression));
  }

  /** The automata of a grammar over this vocabulary's letters. */
  edges(expression: Expression): ReturnType<typeof automatonEdges> {
    const ids = new Map(this.#tokenizer.addedTokens.map(({ content, id }) => [content, id]));
    return automatonEdges(expression, (token) => {
      const id = ids.get(token);
      return id === undefined ? [...new TextEncoder().encode(token)] : specialBytes(id);
    });
  }
}

function specialBytes(id: number): readonly number[] {
  return [SPECIAL, (id >> 16) & 0xff, (id >> 8) & 0xff, id & 0xff];
}
