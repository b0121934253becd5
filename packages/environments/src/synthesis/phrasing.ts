import type { Random } from './random.js';

/** Fills `{slot}` places of a template. */
export function fill(template: string, slots: Readonly<Record<string, string>>): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => slots[name] ?? whole);
}

/** "3, 5 and 8". */
export function joinWords(items: readonly string[], last = 'and'): string {
  if (items.length <= 1) return items.join('');
  return `${items.slice(0, -1).join(', ')} ${last} ${items.at(-1)}`;
}

/** Before a third clause and after. */
const laterJoiners = ['{a}, and then {b}', '{a}; finally, {b}', '{a}, then {b}', '{a}; after that, {b}'];

const joiners = [
  '{a}, then {b}',
  '{a} and {b}',
  '{a} and then {b}',
  '{a}; after that, {b}',
  'first {a}, then {b}',
  '{a}, and also {b}',
  '{a}; next, {b}',
  '{a}, and after that {b}',
];

/** Joiners that stand well after any opening: "Next, first do this; next, do that" would not. */
const plainJoiners = ['{a}, then {b}', '{a} and {b}', '{a} and then {b}', '{a}, and also {b}'];

/** Openings; those that make a question end in "?". */
const openings = [
  '{x}.',
  '{x}.',
  '{x}.',
  'please {x}.',
  'please {x}.',
  'could you {x}?',
  'can you {x}?',
  'would you {x}?',
  'I want you to {x}.',
  'I need you to {x}.',
];

/** Openings that make sense after a first turn only. */
const followUps = ['now {x}.', 'next, {x}.', 'okay, {x}.', 'thanks, now {x}.', 'great, please {x}.', 'and now {x}.'];

/**
 * One message from the clauses of a turn, joined and opened naturally.
 *
 * @param most - how many openings, and how many joiners, may be in use.
 */
export function composeMessage(
  random: Random,
  clauses: readonly string[],
  isFirstTurn: boolean,
  most = Number.POSITIVE_INFINITY,
): string {
  const isFollowUp = !isFirstTurn && random.chance(0.3);
  const [first, ...rest] = clauses;
  let body = first ?? '';
  for (const [i, clause] of rest.entries()) {
    const usable = i > 0 ? laterJoiners : isFollowUp || rest.length > 1 ? plainJoiners : joiners;
    body = fill(random.pick(usable.slice(0, most)), { a: body, b: clause });
  }
  const opening = random.pick((isFollowUp ? followUps : openings).slice(0, most));
  const sentence = fill(opening, { x: body });
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
