/** Stages of verification in the order in which they run. */
export const VERIFICATION_STAGES = [
  'format',
  'grounded',
  'no_hindsight',
  'context',
  'logprob_gain',
  'sampling',
] as const;
export type VerificationStage = (typeof VERIFICATION_STAGES)[number];

/** Verdict of one gate. `reason` names the offending text, `kind` the class of failure for counting. */
export type GateResult =
  | { readonly passed: true }
  | { readonly passed: false; readonly kind: string; readonly reason: string };

export const PASSED: GateResult = { passed: true };
