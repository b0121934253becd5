import type { Message } from '@parl-mt/schema';
import { type GateResult, PASSED } from './gate.js';
import { extractLiterals, occursIn, searchableText } from './literals.js';

/** Grounding gate: every literal of the summary occurs in the user messages, calls or results before the step. */
export function checkGrounded(
  summary: string,
  history: readonly Message[],
  toolNames: ReadonlySet<string>,
): GateResult {
  const known = searchableText(history.filter(({ role }) => role !== 'system'));
  const invented = extractLiterals(summary, toolNames).find((literal) => !occursIn(literal, known));
  return invented === undefined
    ? PASSED
    : {
        passed: false,
        kind: 'literal not in the history',
        reason: `expected every literal of the summary to occur in the history, received "${invented}"`,
      };
}
