/** Verdict on one task of a category. */
export interface CategoryVerdict {
  /** Such as "base". */
  readonly category: string;
  readonly valid: boolean;
}

export interface CategoryScore {
  readonly category: string;
  readonly tasks: number;
  readonly valid: number;
  /** valid / tasks, in [0, 1]; null where there are no tasks (shown as N/A). */
  readonly accuracy: number | null;
}

export interface BfclScores {
  /** The four categories of the overall accuracy first, then the others that occur, by name. */
  readonly categories: readonly CategoryScore[];
  /** Plain mean over the four categories; one without tasks counts 0. */
  readonly overall: number;
}

/** Categories that the multi-turn accuracy of the leaderboard averages over. */
export const SCORED_CATEGORIES = ['base', 'miss_func', 'miss_param', 'long_context'] as const;

/** Accuracy per category and overall, as the leaderboard has them. */
export function scoreBfcl(verdicts: Iterable<CategoryVerdict>): BfclScores {
  const counts = new Map<string, { tasks: number; valid: number }>(
    SCORED_CATEGORIES.map((category) => [category, { tasks: 0, valid: 0 }]),
  );
  for (const { category, valid } of verdicts) {
    const count = counts.get(category) ?? { tasks: 0, valid: 0 };
    count.tasks++;
    if (valid) count.valid++;
    counts.set(category, count);
  }
  const rank = (category: string) => (SCORED_CATEGORIES as readonly string[]).indexOf(category) >>> 0;
  const categories = Array.from(counts, ([category, { tasks, valid }]) => ({
    category,
    tasks,
    valid,
    accuracy: tasks === 0 ? null : valid / tasks,
  })).sort((a, b) => rank(a.category) - rank(b.category) || (a.category < b.category ? -1 : 1));
  const scored = categories.slice(0, SCORED_CATEGORIES.length);
  const overall = scored.reduce((sum, { accuracy }) => sum + (accuracy ?? 0), 0) / SCORED_CATEGORIES.length;
  return { categories, overall };
}

/** The scores as a table for people; percentages with two decimals, N/A for a category without tasks. */
export function formatScores({ categories, overall }: BfclScores): string {
  const percent = (share: number | null) => (share === null ? 'N/A' : `${(100 * share).toFixed(2)}%`);
  const row = (name: string, valid: string, accuracy: string) =>
    `${name.padEnd(16)}${valid.padStart(12)}${accuracy.padStart(10)}`;
  return [
    row('category', 'valid/tasks', 'accuracy'),
    ...categories.map(({ category, tasks, valid, accuracy }) => row(category, `${valid}/${tasks}`, percent(accuracy))),
    row('multi-turn', '', percent(overall)),
  ].join('\n');
}
