const MAX_DIFFERENCES = 5;
const MAX_DIFFERENCE_LENGTH = 600;

/** How the parts of a check that share a tag fared. */
export interface TagReport {
  readonly tag: string;
  readonly checked: number;
  readonly matched: number;
}

/** How one trace file, or one further check, fared. */
export interface CheckReport {
  /** File name, or what was checked. */
  readonly name: string;
  readonly kind: string;
  /** Records read. */
  readonly records: number;
  /** What is counted: `unit` says what of ("records", "calls"). */
  readonly unit: string;
  readonly checked: number;
  readonly matched: number;
  /** Share of matches demanded, in [0, 1]. */
  readonly required: number;
  /** Further counts that must reach the same share, such as compared states or calls that must fail with any text. */
  readonly also: readonly { readonly what: string; readonly checked: number; readonly matched: number }[];
  readonly tags: readonly TagReport[];
  readonly isPassing: boolean;
  /** The first few differences, one line each. */
  readonly differences: readonly string[];
}

/** Counts matches, per tag too, and keeps the first differences. */
export class Tally {
  readonly #tags = new Map<string, { checked: number; matched: number }>();
  readonly #also = new Map<string, { checked: number; matched: number }>();
  readonly #differences: string[] = [];
  #records = 0;
  #checked = 0;
  #matched = 0;

  /** A record was read; what it holds is counted apart. */
  countRecord(): void {
    this.#records++;
  }

  /**
   * Counts one comparison.
   *
   * @param describe - called for the first few mismatches only.
   */
  count(isMatch: boolean, describe: () => string, tags: readonly string[] = []): void {
    this.#checked++;
    if (isMatch) this.#matched++;
    for (const tag of tags) countInto(this.#tags, tag, isMatch);
    if (!isMatch) this.#note(describe);
  }

  /** Counts under a tag only: told, and not demanded. */
  countTag(tag: string, isMatch: boolean): void {
    countInto(this.#tags, tag, isMatch);
  }

  /**
   * A record that cannot be read or run: a difference however few are demanded, and no end to the report.
   *
   * @param describe - says which record, and what is wrong with it.
   */
  countUnreadable(describe: () => string): void {
    this.#checked++;
    this.countAlso('readable records', false, describe);
  }

  /** Counts a comparison of another kind. */
  countAlso(what: string, isMatch: boolean, describe: () => string): void {
    countInto(this.#also, what, isMatch);
    if (!isMatch) this.#note(describe);
  }

  /**
   * The counts as a report.
   *
   * @param required - share of matches demanded, in [0, 1].
   */
  report(name: string, kind: string, unit: string, required: number): CheckReport {
    const also = Array.from(this.#also, ([what, counts]) => ({ what, ...counts }));
    return {
      name,
      kind,
      records: this.#records,
      unit,
      checked: this.#checked,
      matched: this.#matched,
      required,
      also,
      tags: Array.from(this.#tags, ([tag, counts]) => ({ tag, ...counts })).sort((a, b) => (a.tag < b.tag ? -1 : 1)),
      isPassing:
        this.#checked > 0 &&
        this.#matched >= required * this.#checked &&
        also.every(({ checked, matched }) => matched >= required * checked),
      differences: this.#differences,
    };
  }

  #note(describe: () => string): void {
    if (this.#differences.length >= MAX_DIFFERENCES) return;
    const text = describe();
    this.#differences.push(text.length > MAX_DIFFERENCE_LENGTH ? `${text.slice(0, MAX_DIFFERENCE_LENGTH)}…` : text);
  }
}

function countInto(counts: Map<string, { checked: number; matched: number }>, key: string, isMatch: boolean): void {
  const count = counts.get(key) ?? { checked: 0, matched: 0 };
  count.checked++;
  if (isMatch) count.matched++;
  counts.set(key, count);
}
