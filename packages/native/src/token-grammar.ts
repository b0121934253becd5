import { addon } from './addon.js';
import { NativeValueError, ShapeError } from './errors.js';
import type { TokenTexts } from './sampler.js';

/** An arrow of a grammar's automata. State 0 is where a text begins. */
export type GrammarEdge =
  | { readonly kind: 'empty'; readonly from: number; readonly to: number }
  /** On a byte in [first, last]. */
  | {
      readonly kind: 'bytes';
      readonly from: number;
      readonly first: number;
      readonly last: number;
      readonly to: number;
    }
  /** Into the automaton that begins at state `start`, then back to `to`. */
  | { readonly kind: 'call'; readonly from: number; readonly start: number; readonly to: number }
  /** Ends an automaton; at the outermost level the text may end. */
  | { readonly kind: 'leave'; readonly from: number };

interface TokenGrammarHandle {
  start(): number;
  advance(place: number, token: number): number;
  mayEnd(place: number): boolean;
  mask(place: number): Int32Array;
}

/** The tokens of a vocabulary as a tree of their bytes, shared by all grammars over it. */
export class TokenTree {
  /** @internal */
  readonly handle: object;
  /** V: one more than the greatest token. */
  readonly vocabSize: number;

  /** @param texts - what each token spells; one that spells nothing may never come. Copied. */
  constructor({ bytes, offsets }: TokenTexts) {
    if (!(bytes instanceof Uint8Array) || !(offsets instanceof Int32Array) || offsets.length === 0) {
      throw new ShapeError(
        'expected bytes to be a Uint8Array and offsets a Int32Array of one more than the vocabulary',
      );
    }
    const Handle = addon['TokenTree'] as unknown as new (bytes: Uint8Array, offsets: Int32Array) => object;
    this.handle = new Handle(bytes, offsets);
    this.vocabSize = offsets.length - 1;
  }
}

/**
 * Which tokens may come next so that a text keeps to a grammar. Give it to a request of `Sampler.generate`, or ask it step by
 * step: a place in a text is a number, `advance` leads from one to the next.
 *
 * Computed once for each place that a text meets, by walking all tokens as a tree, then remembered.
 */
export class TokenGrammar {
  /** @internal */
  readonly handle: TokenGrammarHandle;
  readonly vocabSize: number;

  /** @throws {NativeValueError} for a state below 0, or a grammar that calls itself before it reads a byte. */
  constructor(tree: TokenTree, edges: readonly GrammarEdge[]) {
    const Handle = addon['TokenGrammar'] as unknown as new (tree: object, edges: Int32Array) => TokenGrammarHandle;
    const packed = new Int32Array(edges.length * 5);
    for (const [i, edge] of edges.entries()) packed.set(packEdge(edge), i * 5);
    try {
      this.handle = new Handle(tree.handle, packed);
    } catch (error) {
      throw new NativeValueError((error as Error).message, { cause: error });
    }
    this.vocabSize = tree.vocabSize;
  }

  /** The place where a text begins. */
  get start(): number {
    return this.handle.start();
  }

  /** The place behind a token; undefined where the token may not come. */
  advance(place: number, token: number): number | undefined {
    const reached = this.handle.advance(place, token);
    return reached < 0 ? undefined : reached;
  }

  /** Whether the text may end at a place. */
  mayEnd(place: number): boolean {
    return this.handle.mayEnd(place);
  }

  /** [ceil(V / 32)]: bit t % 32 of word t >> 5 says whether token t may come. */
  mask(place: number): Int32Array {
    return this.handle.mask(place);
  }

  /** Whether a token may come: one bit of the mask. */
  allows(place: number, token: number): boolean {
    return ((this.mask(place)[token >> 5]! >>> (token & 31)) & 1) === 1;
  }
}

function packEdge(edge: GrammarEdge): number[] {
  switch (edge.kind) {
    case 'empty':
      return [edge.from, 0, 0, 0, edge.to];
    case 'bytes':
      return [edge.from, 1, edge.first, edge.last, edge.to];
    case 'call':
      return [edge.from, 2, edge.start, 0, edge.to];
    case 'leave':
      return [edge.from, 3, 0, 0, 0];
  }
}
