import { deriveSeed } from './derive-seed.js';
import type { SftExample } from './sft-trainer.js';

/** Fewest and most tokens of a run that is to be copied. */
const RUN_LENGTH = { least: 10, most: 49 } as const;
/** Most other tokens between a run and its copy. */
const LONGEST_GAP = 7;
/** A copy has at least this many tokens, wherever in the run it begins. */
const SHORTEST_COPY = 5;

/**
 * Sequences for a decoder with fresh weights to learn copying from: a run of random tokens, some other random tokens, and the
 * run again from some place in it on. Only the copy is predicted, its first token apart: nothing foretells that one.
 *
 * Arguments of function calls and the summary of progress are mostly copied. A small decoder finds that out late and rather
 * suddenly when it learns from conversations alone; on random tokens there is nothing else to learn.
 *
 * @param tokens - stop once that many are drawn.
 * @param options.vocabSize - tokens are uniform in [0, vocabSize).
 * @returns examples of 15 to 105 tokens; same seed, same examples, and fewer tokens give a prefix of them.
 * @see Wu et al. 2021, "LIME: learning inductive bias for primitives of mathematical reasoning", arXiv:2101.06223, and Olsson
 *   et al. 2022, "In-context learning and induction heads", arXiv:2209.11895.
 */
export function copyingExamples(
  tokens: number,
  { vocabSize, seed }: { readonly vocabSize: number; readonly seed: number },
): SftExample[] {
  const examples: SftExample[] = [];
  for (let drawn = 0; drawn < tokens; drawn += examples.at(-1)!.tokens.length) {
    examples.push(copyingExample(vocabSize, seed, examples.length));
  }
  return examples;
}

function copyingExample(vocabSize: number, seed: number, index: number): SftExample {
  let draws = 0;
  /** Uniform integer in [0, count). */
  const draw = (count: number): number => Math.floor((deriveSeed(seed, index, draws++) / 2 ** 53) * count);
  const randomTokens = (length: number): number[] => Array.from({ length }, () => draw(vocabSize));
  const run = randomTokens(RUN_LENGTH.least + draw(RUN_LENGTH.most - RUN_LENGTH.least + 1));
  const gap = randomTokens(draw(LONGEST_GAP + 1));
  const copy = run.slice(draw(run.length - SHORTEST_COPY + 1));
  const tokens = Int32Array.from([...run, ...gap, ...copy]);
  const lossMask = new Uint8Array(tokens.length);
  lossMask.fill(1, run.length + gap.length + 1);
  return { tokens, lossMask };
}
