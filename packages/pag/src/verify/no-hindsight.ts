import type { Message } from '@parl-mt/schema';
import { type GateResult, PASSED } from './gate.js';
import { extractLiterals, jsonStrings, occursIn, searchableText } from './literals.js';

/**
 * No-hindsight gate: the plan holds no literal that only the future reveals.
 *
 * A literal counts as revealed by the future when it occurs there (results of this step, later user messages, calls,
 * results) and neither in the history nor in the calls of this step, which are the policy's own choice. Whole values of
 * later results and call arguments are looked for in the plan too, so plain words give no cover to a leaked content.
 */
export function checkNoHindsight(input: {
  readonly plan: string;
  readonly history: readonly Message[];
  /** Assistant message of this step. */
  readonly target: Message;
  /** Every message after it, its results included. */
  readonly future: readonly Message[];
  readonly toolNames: ReadonlySet<string>;
}): GateResult {
  const { plan, history, target, future, toolNames } = input;
  const dialogue = history.filter(({ role }) => role !== 'system'); // a default in a signature tells no fact
  const known = searchableText([...dialogue, { ...target, content: '' }]);
  const later = searchableText(future);
  const candidates = [
    ...extractLiterals(plan, toolNames),
    ...futureValues(future).filter((value) => occursIn(value, plan)),
  ];
  const leaked = candidates.find((literal) => occursIn(literal, later) && !occursIn(literal, known));
  return leaked === undefined
    ? PASSED
    : {
        passed: false,
        kind: 'literal from the future',
        reason: `expected the plan to hold nothing that only the future reveals, received "${leaked}"`,
      };
}

/** Shortest value that is taken for a fact and not for a word, in characters. */
const MIN_VALUE_CHARACTERS = 3;

function futureValues(future: readonly Message[]): string[] {
  const values = future.flatMap((message) => [
    ...(message.role === 'tool' ? jsonStrings(message.content) : []),
    ...(message.toolCalls ?? []).flatMap((call) => jsonStrings(call.arguments)),
  ]);
  return values
    .flatMap((value) => [value, ...value.split('\n')])
    .filter((value) => value.trim().length >= MIN_VALUE_CHARACTERS);
}
