import {
  type ContextMessage,
  ConversationContext,
  GENERATION_PROMPT,
  renderCompletion,
  segmentsToText,
} from '@parl-mt/chat';
import { type ContextMode, pagConfigSchema } from '@parl-mt/schema';
import { describe, expect, test } from 'vitest';
import { describeDecision } from './annotate.js';
import { targetSteps } from './episode-messages.js';
import { exampleTask } from './example-task.testing.js';
import { trainingExamples } from './sequences.js';
import { verifyTask } from './verify/verify-task.js';

const source = exampleTask('t');
const targets = targetSteps(source);
const records = verifyTask(
  source,
  targets.map(({ turn, step }) => [describeDecision({ source, turn, step })]),
  pagConfigSchema.parse({}),
  { provenance: { generator: 'test', promptHash: 'h', seed: 1 }, split: 'train' },
).map(({ record }) => record);

const promptText = (messages: readonly ContextMessage[]): string =>
  segmentsToText([...messages.flatMap(({ segments }) => segments), ...GENERATION_PROMPT]);
const countTokens = (messages: readonly ContextMessage[]): number => promptText(messages).length;

const modes: readonly ContextMode[] = ['awareness', 'history', 'history+awareness'];

/** Plays the episode as a rollout does, with the completions of the examples as the policy's output. */
function rolloutPrompts(mode: ContextMode, maxPromptTokens: number): string[] {
  const context = new ConversationContext(source.task.tools, mode);
  return targets.map((target, index) => {
    if (target.step === 0) {
      context.beginTurn([source.trace[target.turn]?.userMessage ?? '']);
    }
    const prompt = context.renderPrompt({
      maxPromptTokens,
      countTokens,
    });
    const awareness = records[index]?.awareness;
    context.addStep({
      ...target,
      awareness,
      completion: renderCompletion(mode === 'history' ? target : { ...target, awareness }),
    });
    return prompt.ok ? segmentsToText(prompt.segments) : prompt.reason;
  });
}

describe.each(modes)('%s', (mode) => {
  test.each([10_000, 400])('examples have exactly the prompts of a rollout, budget %d', (maxPromptTokens) => {
    const budget = {
      maxPromptTokens,
      countTokens,
    };
    const { examples, overflowed } = trainingExamples(records, mode, budget);
    expect(overflowed).toBe(0);
    expect(examples.map(({ messages }) => promptText(messages))).toEqual(rolloutPrompts(mode, maxPromptTokens));
  });

  test('the loss covers the completion and nothing of the prompt', () => {
    for (const { messages, completion } of trainingExamples(records, mode).examples) {
      expect(messages.some(({ segments }) => segments.some((segment) => segment.trained))).toBe(false);
      expect(completion.every((segment) => segment.trained)).toBe(true);
      expect(completion.at(-1)).toMatchObject({ kind: 'special', token: '<|end|>' });
    }
  });
});

test('an example as a person reads it', () => {
  const example = trainingExamples(records, 'awareness').examples[5];
  expect(promptText(example!.messages) + segmentsToText(example!.completion)).toBe(
    '<|system|>mkdir(dir_name)\ncd(folder)\ncreate_ticket(title)\nresolve_ticket(ticket_id, resolution)<|end|>' +
      '<|assistant|><summary>in:docs;mkdir:docs;create_ticket=3</summary><think>done</think>Ticket 3 is open.<|end|>' +
      "<|user|>Resolve the ticket you opened with 'replaced the cable'.<|end|><|assistant|>" +
      '<summary>in:docs;mkdir:docs;create_ticket=3</summary><think>resolve_ticket:3</think>' +
      "<tool_call>resolve_ticket(ticket_id=3, resolution='replaced the cable')</tool_call><|end|>",
  );
});

test('records that cannot fit are counted, not cut', () => {
  const budget = { maxPromptTokens: 10, countTokens: () => 11 };
  expect(trainingExamples(records, 'history', budget)).toEqual({ examples: [], overflowed: records.length });
});
