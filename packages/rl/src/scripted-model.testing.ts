import { type ContextMessage, GENERATION_PROMPT, parseCompletion, type Segment, segmentsToText } from '@parl-mt/chat';
import type { ConversationCodec } from '@parl-mt/policy';
import type { Completion, CompletionRequest, RolloutModel } from './rollout-model.js';

/** One token per character. */
export const characterCodec: ConversationCodec = {
  stopTokens: [],
  countPromptTokens: (messages) => characterCodec.encodePrompt(messages).length,
  encodePrompt: (messages: readonly ContextMessage[], written: readonly Segment[] = []) =>
    encode([...messages.flatMap(({ segments }) => segments), ...GENERATION_PROMPT, ...written]),
  encodeCompletion: encode,
  readCompletion(tokens, options) {
    const text = String.fromCodePoint(...Array.from(tokens));
    return { text, parsed: parseCompletion(text, options) };
  },
};

/** A model for tests: one token per character, and completions that a function of the prompt's text writes. */
export class ScriptedModel implements RolloutModel {
  readonly codec = characterCodec;
  readonly prompts: string[] = [];
  resets = 0;

  constructor(
    readonly respond: (prompt: string, request: CompletionRequest) => string,
    readonly slots = 4,
  ) {}

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

function encode(segments: readonly Segment[]): number[] {
  return segments.flatMap((segment) =>
    segment.kind === 'tokens'
      ? segment.ids
      : [...segmentsToText([segment])].map((character) => character.codePointAt(0)!),
  );
}
