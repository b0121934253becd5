/** Where each UTF-16 unit of a normalised text comes from: [start, end) in UTF-16 units of the original. */
export interface Alignment {
  readonly text: string;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

/** A starter and what may combine with it: marks, joined Hangul, and whatever a normal form may join or reorder. */
const CLUSTER =
  /[\u1100-\u115f\ua960-\ua97c][\u1160-\u11a7\ud7b0-\ud7c6]?[\u11a8-\u11ff\ud7cb-\ud7fb]?\p{M}*|.\p{M}*/gsu;

/**
 * Normalises a text piece by piece so that every character of the result knows the piece it came from.
 *
 * @returns undefined where the pieces together are not the normalised text: a normaliser that looks further than that.
 */
export function alignNormalized(original: string, normalize: (text: string) => string): Alignment | undefined {
  const whole = normalize(original);
  if (whole === original) return identity(original);
  const starts: number[] = [];
  const ends: number[] = [];
  let text = '';
  for (const match of original.matchAll(CLUSTER)) {
    const [piece] = match;
    const changed = normalize(piece);
    text += changed;
    alignPiece(piece, changed, match.index, starts, ends);
  }
  if (text !== whole) return undefined;
  return { text, starts: Int32Array.from(starts), ends: Int32Array.from(ends) };
}

function identity(text: string): Alignment {
  const starts = new Int32Array(text.length);
  const ends = new Int32Array(text.length);
  let at = 0;
  for (const character of text) {
    for (let i = 0; i < character.length; i++) {
      starts[at + i] = at;
      ends[at + i] = at + character.length;
    }
    at += character.length;
  }
  return { text, starts, ends };
}

/**
 * Characters that did not change come from themselves, from both ends. Those between come one by one from what stood there, the
 * last one possibly several times: a composed letter comes from its base alone, as in the Rust library.
 */
function alignPiece(piece: string, changed: string, at: number, starts: number[], ends: number[]): void {
  const before = [...piece];
  const after = [...changed];
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head += 1;
  let tail = 0;
  while (tail < before.length - head && tail < after.length - head && before.at(-1 - tail) === after.at(-1 - tail))
    tail += 1;
  const places: number[] = [at];
  for (const character of before) places.push(places.at(-1)! + character.length);
  for (const [i, character] of after.entries()) {
    const isTail = i >= after.length - tail;
    const source = isTail ? before.length - (after.length - i) : Math.min(i, Math.max(0, before.length - tail - 1));
    for (let unit = 0; unit < character.length; unit++) {
      starts.push(places[source]!);
      ends.push(places[source + 1]!);
    }
  }
}
