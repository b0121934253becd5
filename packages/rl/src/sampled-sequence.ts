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
}

/**
 * Joins the steps of one trajectory into as few training sequences as exactness allows: a step whose prompt begins
 * with all tokens of the sequence so far continues it, any other starts a new one. With history contexts a whole
 * episode is one sequence until the oldest messages are dropped; with awareness contexts each step is its own.
 * Every sampled token appears exactly once, with the prefix it was sampled under.
 */
export function joinSteps(steps: readonly SampledStep[]): SampledSequence[] {
  const drafts: Draft[] = [];
  for (const step of steps) {
    const last = drafts.at(-1);
    if (last !== undefined && startsWith(step.promptTokens, last.tokens)) {
      append(last, step, last.tokens.length);
    } else {
      const draft: Draft = { tokens: [], lossMask: [], logprobs: [] };
      append(draft, step, 0);
      drafts.push(draft);
    }
  }
  return drafts.map(({ tokens, lossMask, logprobs }) => ({
    tokens: Int32Array.from(tokens),
    lossMask: Uint8Array.from(lossMask),
    behaviorLogprobs: Float32Array.from(logprobs),
  }));
}

interface Draft {
  readonly tokens: number[];
  readonly lossMask: number[];
  readonly logprobs: number[];
}

function startsWith(tokens: readonly number[], prefix: readonly number[]): boolean {
  return tokens.length >= prefix.length && prefix.every((token, index) => tokens[index] === token);
}

function append(draft: Draft, step: SampledStep, known: number): void {
  for (const token of step.promptTokens.slice(known)) {
    draft.tokens.push(token);
    draft.lossMask.push(0);
    draft.logprobs.push(0);
  }
  for (const [index, token] of step.completionTokens.entries()) {
    draft.tokens.push(token);
    draft.lossMask.push(1);
    draft.logprobs.push(step.behaviorLogprobs[index]!);
  }
}
