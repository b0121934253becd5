/** What joining needs of a step. */
export interface SampledStep {
  readonly promptTokens: readonly number[];
  readonly completionTokens: readonly number[];
  /** One per completion token. */
  readonly behaviorLogprobs: readonly number[];
}

/** One sequence to train on: tokens, and which of them the policy sampled. All arrays have one entry per token. */
export interface SampledSequence {
  readonly tokens: Int32Array;
  /** 1 where the token was sampled by the policy, 0 where it was given (prompt, user, tool results). */
  readonly lossMask: Uint8Array;
  /** Natural log-prob under the sampling policy; 0 where not sampled. */
  readonly behaviorLogprobs: Float32Array;
  /** Index of the step that sampled the token; where not sampled, of the step it was given to. */
  readonly steps: Int32Array;
}

/**
 * Joins the steps of one trajectory into as few training sequences as exactness allows: a step whose prompt begins
 * with all tokens of the sequence so far continues it, any other starts a new one. With history contexts a whole
 * episode is one sequence until the oldest messages are dropped; with awareness contexts each step is its own.
 * Every sampled token appears exactly once, with the prefix it was sampled under.
 */
export function joinSteps(steps: readonly SampledStep[]): SampledSequence[] {
  const drafts: Draft[] = [];
  for (const [index, step] of steps.entries()) {
    const last = drafts.at(-1);
    if (last !== undefined && startsWith(step.promptTokens, last.tokens)) {
      append(last, step, index, last.tokens.length);
    } else {
      const draft: Draft = { tokens: [], lossMask: [], logprobs: [], steps: [] };
      append(draft, step, index, 0);
      drafts.push(draft);
    }
  }
  return drafts.map(({ tokens, lossMask, logprobs, steps }) => ({
    tokens: Int32Array.from(tokens),
    lossMask: Uint8Array.from(lossMask),
    behaviorLogprobs: Float32Array.from(logprobs),
    steps: Int32Array.from(steps),
  }));
}

interface Draft {
  readonly tokens: number[];
  readonly lossMask: number[];
  readonly logprobs: number[];
  readonly steps: number[];
}

function startsWith(tokens: readonly number[], prefix: readonly number[]): boolean {
  return tokens.length >= prefix.length && prefix.every((token, index) => tokens[index] === token);
}

function append(draft: Draft, step: SampledStep, stepIndex: number, known: number): void {
  const push = (token: number, isSampled: boolean, logprob: number): void => {
    draft.tokens.push(token);
    draft.lossMask.push(isSampled ? 1 : 0);
    draft.logprobs.push(logprob);
    draft.steps.push(stepIndex);
  };
  for (const token of step.promptTokens.slice(known)) push(token, false, 0);
  for (const [index, token] of step.completionTokens.entries()) push(token, true, step.behaviorLogprobs[index]!);
}
