import type { ContextMode } from '@parl-mt/schema';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { renderCompletion } from './completion.js';
import {
  type ContextMessage,
  type ContextStep,
  ConversationContext,
  GENERATION_PROMPT,
  type RenderedPrompt,
} from './context.js';
import { type Segment, segmentsToText } from './segment.js';

const tools = [{ name: 'ls', description: '', parameters: { properties: {} } }];
const steps: readonly ContextStep[] = [
  { awareness: { summary: 'none', plan: 'next mkdir' }, callTexts: ["mkdir(dir_name='d')"], results: ['None'] },
  { awareness: { summary: 'mkdir d', plan: 'turn done' }, callTexts: [], results: [], message: 'Done.' },
];
const characters = (segments: readonly Segment[]): number => segmentsToText(segments).length;
const countTokens = (messages: readonly ContextMessage[]): number =>
  characters([...messages.flatMap(({ segments }) => segments), ...GENERATION_PROMPT]);

function render(context: ConversationContext, maxPromptTokens = 10_000): RenderedPrompt {
  return context.renderPrompt({ maxPromptTokens, countTokens });
}

function literal(prompt: RenderedPrompt): string {
  return prompt.ok ? segmentsToText(prompt.segments) : prompt.reason;
}

/** Turn 1 with a call and a message, then turn 2 with one call. */
function twoTurns(mode: ContextMode): ConversationContext {
  const context = new ConversationContext(tools, mode);
  context.beginTurn(['make d']);
  for (const step of steps) {
    context.addStep(step);
  }
  context.beginTurn(['list']);
  context.addStep({ awareness: { summary: 'mkdir d', plan: 'next ls' }, callTexts: ['ls()'], results: ['[d]'] });
  return context;
}

describe('awareness mode', () => {
  test('within a turn: system, user, the last step and its results', () => {
    expect(literal(render(twoTurns('awareness')))).toBe(
      '<|system|>ls()<|end|><|user|>list<|end|>' +
        '<|assistant|><summary>mkdir d</summary><think>next ls</think><tool_call>ls()</tool_call><|end|><|tool|>[d]<|end|><|assistant|>',
    );
  });

  test('first step of a later turn: system, last step of the former turn, user', () => {
    const context = new ConversationContext(tools, 'awareness');
    context.beginTurn(['make d']);
    for (const step of steps) {
      context.addStep(step);
    }
    context.beginTurn(['list']);
    expect(literal(render(context))).toBe(
      '<|system|>ls()<|end|><|assistant|><summary>mkdir d</summary><think>turn done</think>Done.<|end|><|user|>list<|end|><|assistant|>',
    );
  });
});

describe('awareness+turn mode', () => {
  test('a turn begins with the last step of the former turn', () => {
    const context = new ConversationContext(tools, 'awareness+turn');
    context.beginTurn(['make d']);
    for (const step of steps) context.addStep(step);
    context.beginTurn(['list']);
    expect(literal(render(context))).toBe(
      '<|system|>ls()<|end|><|assistant|><summary>mkdir d</summary><think>turn done</think>Done.<|end|><|user|>list<|end|><|assistant|>',
    );
  });

  test('each further prompt of the turn continues the one before it', () => {
    const context = new ConversationContext(tools, 'awareness+turn');
    context.beginTurn(['make d']);
    for (const step of steps) context.addStep(step);
    context.beginTurn(['list']);
    const first = literal(render(context));
    context.addStep({ awareness: { summary: 'mkdir d', plan: 'next ls' }, callTexts: ['ls()'], results: ['[d]'] });
    const second = literal(render(context));
    context.addStep({ awareness: { summary: 'ls', plan: 'again' }, callTexts: ['ls()'], results: ['[d]'] });
    const third = literal(render(context));
    expect(second.slice(0, first.length)).toBe(first);
    expect(third.slice(0, second.length)).toBe(second);
  });

  test('what is short of room goes oldest first: the former turn, then the first steps', () => {
    const context = twoTurns('awareness+turn');
    const whole = literal(render(context));
    const tight = render(context, whole.length - 1);
    expect(tight.ok && tight.dropped).toBe(1);
    expect(literal(tight)).not.toContain('Done.');
    expect(literal(tight)).toContain('[d]');
  });
});

test('history mode shows every message and no awareness', () => {
  expect(literal(render(twoTurns('history')))).toBe(
    "<|system|>ls()<|end|><|user|>make d<|end|><|assistant|><tool_call>mkdir(dir_name='d')</tool_call><|end|><|tool|>None<|end|>" +
      '<|assistant|>Done.<|end|><|user|>list<|end|><|assistant|><tool_call>ls()</tool_call><|end|><|tool|>[d]<|end|><|assistant|>',
  );
});

test('history+awareness shows every message and every awareness', () => {
  const text = literal(render(twoTurns('history+awareness')));
  expect(text.match(/<summary>/g)).toHaveLength(3);
  expect(text.match(/<\|user\|>/g)).toHaveLength(2);
});

test('completions given as token ids are kept as they are, without loss', () => {
  const context = new ConversationContext(tools, 'awareness');
  context.beginTurn(['x']);
  context.addStep({
    callTexts: ['ls()'],
    results: ['[]'],
    completion: [{ kind: 'tokens', ids: [5, 6, 7], trained: true }],
  });
  const prompt = render(context);
  expect(prompt.ok && prompt.segments.find((segment) => segment.kind === 'tokens')).toEqual({
    kind: 'tokens',
    ids: [5, 6, 7],
  });
});

test('prompts carry no loss', () => {
  const prompt = render(twoTurns('history+awareness'));
  expect(prompt.ok && prompt.segments.some((segment) => segment.trained)).toBe(false);
});

test('a finished system text gives the same prompt as the functions it was rendered from', () => {
  const contexts = [new ConversationContext(tools, 'history'), new ConversationContext('ls()', 'history')];
  for (const context of contexts) {
    context.beginTurn(['list']);
  }
  expect(render(contexts[1] as ConversationContext)).toEqual(render(contexts[0] as ConversationContext));
});

test('revealed functions join the system message of later prompts', () => {
  const context = twoTurns('history');
  context.beginTurn(
    ['now?'],
    [{ name: 'cat', description: '', parameters: { properties: { f: {} }, required: ['f'] } }],
  );
  expect(literal(render(context))).toMatch(/^<\|system\|>ls\(\)\ncat\(f\)<\|end\|>/);
});

describe('budget', () => {
  test('the oldest messages go first, a tool message with its assistant message, the current user message never', () => {
    const context = twoTurns('history');
    const full = literal(render(context));
    const without = (removed: string): number => full.length - removed.length;
    const firstUser = '<|user|>make d<|end|>';
    const call = "<|assistant|><tool_call>mkdir(dir_name='d')</tool_call><|end|><|tool|>None<|end|>";
    expect(render(context, full.length)).toMatchObject({ ok: true, dropped: 0, tokens: full.length });
    expect(render(context, full.length - 1)).toMatchObject({ dropped: 1, tokens: without(firstUser) });
    // One token less than without the user message: assistant and tool message leave together.
    expect(render(context, without(firstUser) - 1)).toMatchObject({ dropped: 3, tokens: without(firstUser + call) });
    const minimum = '<|system|>ls()<|end|><|user|>list<|end|><|assistant|>';
    expect(literal(render(context, minimum.length))).toBe(minimum);
    expect(render(context, minimum.length)).toMatchObject({ dropped: 6 });
    expect(render(context, minimum.length - 1)).toEqual({
      ok: false,
      reason: 'context_overflow',
      requiredTokens: minimum.length,
      maxPromptTokens: minimum.length - 1,
    });
  });

  test('law: what is kept is the newest part, and its cost is what countTokens says of the whole prompt', () => {
    const modes = fc.constantFrom<ContextMode>('awareness', 'history', 'history+awareness');
    const turns = fc.array(fc.array(fc.string({ maxLength: 6 }), { maxLength: 3 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(modes, turns, fc.integer({ min: 0, max: 600 }), (mode, results, budget) => {
        const context = new ConversationContext(tools, mode);
        for (const turn of results) {
          context.beginTurn(['request']);
          for (const result of turn) {
            context.addStep({ awareness: { summary: 's', plan: 'p' }, callTexts: ['ls()'], results: [result] });
          }
        }
        const prompt = render(context, budget);
        const everything = render(context);
        if (!prompt.ok || !everything.ok) {
          expect(budget).toBeLessThan('<|system|>ls()<|end|><|user|>request<|end|><|assistant|>'.length);
          return;
        }
        expect(prompt.tokens).toBeLessThanOrEqual(budget);
        expect(prompt.tokens).toBe(characters(prompt.segments));
        expect(prompt.dropped + prompt.messages.length).toBe(everything.messages.length);
        const places = prompt.messages.map((message) => everything.messages.indexOf(message));
        expect(places).not.toContain(-1);
        expect(places).toEqual([...places].sort((a, b) => a - b));
      }),
    );
  });
});

test('messages are the same objects in every prompt, the system message in every episode of a task', () => {
  const context = twoTurns('history');
  const [first, second] = [render(context), render(context)];
  const other = render(twoTurns('history'));
  if (!first.ok || !second.ok || !other.ok) {
    throw new Error('expected prompts that fit');
  }
  expect(first.messages.every((message, index) => message === second.messages[index])).toBe(true);
  expect(other.messages[0]).toBe(first.messages[0]);
});

test('a rendered completion with loss and one rebuilt from parts give the same prompt', () => {
  const rebuilt = new ConversationContext(tools, 'awareness');
  const given = new ConversationContext(tools, 'awareness');
  for (const [context, withCompletion] of [
    [rebuilt, false],
    [given, true],
  ] as const) {
    context.beginTurn(['make d']);
    const step = steps[0] as ContextStep;
    context.addStep(withCompletion ? { ...step, completion: renderCompletion(step) } : step);
  }
  expect(render(given)).toEqual(render(rebuilt));
});
