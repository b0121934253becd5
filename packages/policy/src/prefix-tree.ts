/** Fewer tokens in common are not worth rows of their own: tiles of the kernels would be near empty. */
const MIN_SHARED_TOKENS = 16;

type Tokens = ArrayLike<number>;

/** Rows for some tokens of a sequence, which every sequence that begins with them uses. */
export interface PrefixSegment {
  /** The sequence whose tokens these are, by order of `add`. */
  readonly sequence: number;
  /** Its tokens `from` to `to` - 1. */
  readonly from: number;
  readonly to: number;
  /** Index of the segment that comes before; -1 at the beginning of a sequence. */
  readonly parent: number;
}

export interface PrefixSegments {
  /** A parent comes before its children. */
  readonly segments: readonly PrefixSegment[];
  /** For each sequence its segments in order, which make up all of its tokens. */
  readonly paths: readonly (readonly number[])[];
}

/** What a sequence added: tokens from `from` on, cut where later ones branch off. */
interface Addition {
  readonly tokens: Tokens;
  readonly from: number;
  readonly cuts: Set<number>;
}

/**
 * A tree of token sequences that takes each run of tokens with which neighbours begin alike once: the prompt of a group of rollouts, or what
 * the steps of one rollout have in common. Each sequence is compared with the one before it, so those that begin alike should be neighbours.
 */
export class PrefixTree {
  readonly #additions: Addition[] = [];
  /** For the last sequence, from the first token on: which addition holds the tokens up to `to` - 1. */
  #path: { readonly addition: number; readonly to: number }[] = [];
  /** Tokens of all additions. */
  size = 0;

  /** How many tokens of a sequence are there already, if it comes next. */
  shared(tokens: Tokens): number {
    const former = this.#additions.at(-1)?.tokens;
    if (former === undefined) return 0;
    const most = Math.min(former.length, tokens.length);
    let common = 0;
    while (common < most && former[common] === tokens[common]) common += 1;
    // A place a few tokens back where another one branched off will do.
    const branching = Math.max(0, ...this.#boundaries().filter((boundary) => boundary <= common));
    return common - branching < MIN_SHARED_TOKENS ? branching : common;
  }

  /** @param shared - what `shared` said of it, or 0. */
  add(tokens: Tokens, shared: number): void {
    const kept = this.#path.findIndex(({ to }) => to >= shared);
    if (shared > 0) this.#additions[this.#path[kept]!.addition]!.cuts.add(shared);
    this.#path = shared > 0 ? [...this.#path.slice(0, kept), { addition: this.#path[kept]!.addition, to: shared }] : [];
    this.#path.push({ addition: this.#additions.length, to: tokens.length });
    this.#additions.push({ tokens, from: shared, cuts: new Set() });
    this.size += tokens.length - shared;
  }

  segments(): PrefixSegments {
    const segments: PrefixSegment[] = [];
    const paths: number[][] = [];
    for (const [sequence, { tokens, from, cuts }] of this.#additions.entries()) {
      const path = (paths.at(-1) ?? []).filter((segment) => {
        const before = segments[segment]!;
        return before.from < before.to && before.to <= from;
      });
      const ends = [...cuts].filter((cut) => cut > from && cut < tokens.length).sort((a, b) => a - b);
      let start = from;
      for (const end of [...ends, tokens.length]) {
        path.push(segments.push({ sequence, from: start, to: end, parent: path.at(-1) ?? -1 }) - 1);
        start = end;
      }
      paths.push(path);
    }
    return { segments, paths };
  }

  /** Where along the last sequence rows begin or end. */
  #boundaries(): number[] {
    return this.#path.flatMap(({ addition, to }) => {
      const { from, cuts } = this.#additions[addition]!;
      return [from, ...[...cuts].filter((cut) => cut <= to)];
    });
  }
}
