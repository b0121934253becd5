/** One comparison within a case: what was compared, how far off it is, and how far it may be. */
export interface Comparison {
  readonly what: string;
  /** Largest |ours - theirs|. */
  readonly error: number;
  /** Largest error / tolerance over the entries; above 1 it does not match. */
  readonly ratio: number;
}

/**
 * What became of a case. A fault of the source is not copied: `comparisons` then hold our own documented answer, where there is
 * one to check.
 */
export type Verdict =
  | { readonly kind: 'compared'; readonly comparisons: readonly Comparison[] }
  | { readonly kind: 'fault'; readonly comparisons: readonly Comparison[]; readonly ours: string }
  | { readonly kind: 'left out'; readonly reason: string };

export function compared(...comparisons: readonly Comparison[]): Verdict {
  return { kind: 'compared', comparisons };
}

/** @param ours - what this project answers instead. */
export function fault(ours: string, ...comparisons: readonly Comparison[]): Verdict {
  return { kind: 'fault', ours, comparisons };
}

export function leftOut(reason: string): Verdict {
  return { kind: 'left out', reason };
}

/** How far an entry may be off, given the expected entry and the largest one. */
export type Tolerance = (expected: number, largest: number) => number;

/** Float64 code: relative 1e-9 of max(1, |x|); the outputs are printed to 12 digits. */
export const float64: Tolerance = (expected) => 1e-9 * Math.max(1, Math.abs(expected));
/** Float64 code against a source with a float32 Bessel factor: 1e-7. */
export const bessel: Tolerance = (expected) => 1e-7 * Math.max(1, Math.abs(expected));
/** Float32 kernels: relative 1e-5 of the largest entry. */
export const float32: Tolerance = (_, largest) => 1e-5 * Math.max(largest, 1e-30);
/** Metrics of float32 averages: 1e-6 of max(1, |x|). */
export const metric: Tolerance = (expected) => 1e-6 * Math.max(1, Math.abs(expected));
/** Counts, masks, lengths: no difference at all. */
export const exact: Tolerance = () => 0;

/**
 * Compares entry by entry. NaN equals NaN and an infinity itself; a difference in length or in kind is an infinite error.
 *
 * @param where - entries to compare; all when absent.
 */
export function compare(
  what: string,
  ours: ArrayLike<number>,
  theirs: ArrayLike<number>,
  tolerance: Tolerance,
  where: (index: number) => boolean = () => true,
): Comparison {
  if (ours.length !== theirs.length) return { what: `${what}: length`, error: Infinity, ratio: Infinity };
  let largest = 0;
  for (let i = 0; i < theirs.length; i += 1) {
    if (where(i) && Number.isFinite(theirs[i])) largest = Math.max(largest, Math.abs(theirs[i]!));
  }
  let error = 0;
  let ratio = 0;
  for (let i = 0; i < theirs.length; i += 1) {
    if (!where(i) || Object.is(ours[i], theirs[i]) || ours[i] === theirs[i]) continue;
    const difference = Math.abs(ours[i]! - theirs[i]!);
    if (Number.isNaN(difference) || difference === Infinity) return { what, error: Infinity, ratio: Infinity };
    error = Math.max(error, difference);
    const allowed = tolerance(theirs[i]!, largest);
    ratio = Math.max(ratio, allowed > 0 ? difference / allowed : Infinity);
  }
  return { what, error, ratio };
}

export function compareNumber(what: string, ours: number, theirs: number, tolerance: Tolerance): Comparison {
  return compare(what, [ours], [theirs], tolerance);
}

/** A statement that holds or does not. */
export function holds(what: string, isTrue: boolean): Comparison {
  return { what, error: isTrue ? 0 : Infinity, ratio: isTrue ? 0 : Infinity };
}

/** Holds where the call throws an error whose message contains the text. */
export function throws(what: string, call: () => unknown, text: string): Comparison {
  try {
    call();
  } catch (error) {
    return holds(what, error instanceof Error && error.message.includes(text));
  }
  return holds(what, false);
}
