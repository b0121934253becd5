import type { Segment } from '@parl-mt/chat';
import { segmentsToText, splitSpecialTokens } from '@parl-mt/chat';
import type { Completion, CompletionRequest, RolloutModel } from './rollout-model.js';

/** A model for tests: one token per character, and completions that a function of the prompt's text writes. */
export class ScriptedModel implements RolloutModel {
  readonly prompts: string[] = [];
  resets = 0;

  constructor(
    readonly respond: (prompt: string, request: CompletionRequest) => string,
    readonly slots = 4,
  ) {}

  encode(segments: readonly Segment[]): readonly number[] {
    return segments.flatMap((segment) =>
      segment.kind === 'tokens'
        ? segment.ids
        : [...segmentsToText([segment])].map((character) => character.codePointAt(0)!),
    );
  }

  decode(tokens: readonly number[]): Segment[] {
    return splitSpecialTokens(String.fromCodePoint(...tokens));
  }

  async complete(requests: readonly CompletionRequest[]): Promise<Completion[]> {
    return requests.map((request) => {
      const prompt = String.fromCodePoint(...request.prompt);
      this.prompts.push(prompt);
      const tokens = Int32Array.from([...this.respond(prompt, request)].map((character) => character.codePointAt(0)!));
      return { tokens, logprobs: new Float32Array(tokens.length).fill(-0.5), stopReason: 'stop' };
    });
  }

  reset(): void {
    this.resets += 1;
  }
}
