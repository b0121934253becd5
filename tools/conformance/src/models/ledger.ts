import { compare, type Tolerance } from '../verdict.js';

/** How far an entry may be off, with the words for it in the table. */
export interface NamedTolerance {
  readonly label: string;
  readonly allowed: Tolerance;
}

/** At most this much, whatever the size of the entries. */
export function absolute(limit: number): NamedTolerance {
  return { label: `${limit} absolute`, allowed: () => limit };
}

/** At most this share of the expected entry. */
export function relative(limit: number): NamedTolerance {
  return { label: `${limit} relative`, allowed: (expected) => limit * Math.abs(expected) };
}

/** No difference at all. */
export const equal: NamedTolerance = { label: 'equal', allowed: () => 0 };

/** All comparisons of one kind of value in one file. */
export interface LedgerRow {
  readonly file: string;
  readonly what: string;
  /** Values, texts or ids compared. */
  readonly count: number;
  /** Largest difference; for texts and ids the number that differ. */
  readonly error: number;
  readonly tolerance: string;
  /** Largest difference over its tolerance: above 1 the row is off. */
  readonly ratio: number;
  /** What is off, and where; empty where nothing is. */
  readonly details: readonly string[];
}

export interface LeftOut {
  readonly file: string;
  readonly what: string;
  readonly count: number;
  readonly reason: string;
}

const SHOWN_DETAILS = 5;

/** Collects what the sections compare. Rows of the same file, value and tolerance become one. */
export class Ledger {
  readonly #rows = new Map<string, LedgerRow>();
  readonly #leftOut: LeftOut[] = [];
  readonly #used = new Set<string>();

  get rows(): readonly LedgerRow[] {
    return [...this.#rows.values()];
  }

  get leftOut(): readonly LeftOut[] {
    return this.#leftOut;
  }

  /** Files that were read as input of a comparison, beside those that rows name. */
  get used(): ReadonlySet<string> {
    return this.#used;
  }

  /** Notes files that a comparison reads: what no section uses is listed at the end of the report. */
  use(...files: readonly string[]): void {
    for (const file of files) this.#used.add(file);
  }

  /**
   * Compares entry by entry; a length that differs is an infinite error.
   *
   * @param where - says in a mismatch which part it is, e.g. a tensor's name.
   */
  compare(
    file: string,
    what: string,
    ours: ArrayLike<number>,
    theirs: ArrayLike<number>,
    tolerance: NamedTolerance,
    where = '',
  ): void {
    const { error, ratio, what: reason } = compare(what, ours, theirs, tolerance.allowed);
    const details = ratio <= 1 ? [] : [`${where === '' ? reason : `${where}: ${reason}`}, error ${error}`];
    this.#add({ file, what, count: theirs.length, error, tolerance: tolerance.label, ratio, details });
  }

  /** A measure that was computed by the caller: `error` may be at most `limit`. */
  measure(file: string, what: string, count: number, error: number, limit: number, unit: string, where = ''): void {
    const ratio = Number.isNaN(error) ? Infinity : error / limit;
    const details = ratio <= 1 ? [] : [`${where === '' ? what : where}: ${error}, expected at most ${limit}`];
    this.#add({ file, what, count, error, tolerance: `${limit} ${unit}`, ratio, details });
  }

  /**
   * Texts, ids or other things that are equal or not.
   *
   * @param differences - one line for each that differs; the table counts them and shows the first.
   */
  matches(file: string, what: string, count: number, differences: readonly string[]): void {
    this.#add({
      file,
      what,
      count,
      error: differences.length,
      tolerance: equal.label,
      ratio: differences.length === 0 ? 0 : Infinity,
      details: differences,
    });
  }

  leaveOut(file: string, what: string, count: number, reason: string): void {
    this.#leftOut.push({ file, what, count, reason });
  }

  /** Runs a comparison; what it throws is a mismatch of this file. */
  async attempt(file: string, what: string, run: () => Promise<void> | void): Promise<void> {
    try {
      await run();
    } catch (error) {
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.matches(file, what, 1, [`threw ${reason.split('\n').slice(0, 3).join(' ')}`]);
    }
  }

  #add(row: LedgerRow): void {
    this.use(row.file);
    const key = JSON.stringify([row.file, row.what, row.tolerance]);
    const known = this.#rows.get(key);
    const details = [...(known?.details ?? []), ...row.details];
    const hidden = Math.max(0, details.length - SHOWN_DETAILS);
    this.#rows.set(key, {
      ...row,
      count: row.count + (known?.count ?? 0),
      error:
        row.tolerance === equal.label && Number.isFinite(row.error)
          ? row.error + (known?.error ?? 0)
          : Math.max(row.error, known?.error ?? 0),
      ratio: Math.max(row.ratio, known?.ratio ?? 0),
      details: details.slice(0, details.length - hidden),
    });
  }
}
