import { type CompletionLimits, parseCompletion } from '@parl-mt/chat';
import { type GateResult, PASSED } from './gate.js';

/**
 * Format gate: one summary, one think block, in order, within limits; then calls or a message.
 *
 * @param completion - the completion as text, special tokens written literally: a text that spells one of them fails,
 *   since a reader could not tell where the block ends.
 */
export function checkFormat(completion: string, limits: CompletionLimits): GateResult {
  const { formatError } = parseCompletion(completion, { awareness: true, limits });
  if (formatError === undefined) {
    return PASSED;
  }
  const kind = formatError.match(/expected (.*?)(?: at offset|, received|$)/)?.[1] ?? formatError;
  return { passed: false, kind: `expected ${kind}`, reason: formatError };
}
