import type { Task } from '@parl-mt/schema';
import { expect, test } from 'vitest';
import { builtInTools } from './bfcl-environment.js';
import { checkTask } from './checker.js';
import { BfclConversation, type ConversationMode } from './conversation.js';
import { REVEAL_MESSAGE } from './load-tasks.js';

const tools = builtInTools(['GorillaFileSystem']);

function task(overrides: Partial<Task> = {}): Task {
  return {
    id: 'made_up_0',
    environment: 'bfcl',
    category: 'miss_func',
    involvedClasses: ['GorillaFileSystem'],
    initialConfig: '{}',
    tools: tools.filter(({ name }) => name !== 'touch'),
    heldOutTools: tools.filter(({ name }) => name === 'touch'),
    turns: [
      { messages: [{ role: 'user', content: 'Make a.txt.' }], groundTruth: [] },
      {
        messages: [{ role: 'user', content: REVEAL_MESSAGE }],
        groundTruth: ["touch('a.txt')", 'ls()'],
        revealedTools: ['touch'],
      },
    ],
    ...overrides,
  };
}

const conversation = (mode: ConversationMode, stepLimit?: number, overrides: Partial<Task> = {}) =>
  new BfclConversation(task(overrides), { mode, ...(stepLimit === undefined ? {} : { stepLimit }) });

test('tool calls run, each result answers its call, and a revealed function is on offer from its turn on', () => {
  const talk = conversation('fc');
  expect(talk.request().messages).toEqual([{ role: 'user', content: 'Make a.txt.' }]);
  expect(talk.request().tools.some(({ name }) => name === 'touch')).toBe(false);
  talk.respond({ text: 'I have no function for that.' });
  expect(talk.request().messages.at(-1)).toEqual({ role: 'user', content: REVEAL_MESSAGE });
  expect(talk.request().tools.at(-1)?.name).toBe('touch');
  talk.respond({
    text: '',
    toolCalls: [
      { id: 'one', name: 'touch', arguments: '{"file_name": "a.txt"}' },
      { name: 'ls', arguments: '{}' },
    ],
  });
  expect(talk.request().messages.slice(-2)).toEqual([
    { role: 'tool', content: 'None', toolCallId: 'one' },
    { role: 'tool', content: '{"current_directory_content": ["a.txt"]}', toolCallId: 'call_1_0_1' },
  ]);
  talk.respond({ text: 'Done.' });
  expect(talk).toMatchObject({ isFinished: true, isForced: false });
  expect(talk.modelCalls).toEqual([[], [["touch(file_name='a.txt')", 'ls()']]]);
  expect(checkTask(task(), talk.modelCalls).valid).toBe(true);
});

test('in prompting mode functions stand in the system prompt and results come back as the repr of a list', () => {
  const talk = conversation('prompting');
  const [system] = talk.request().messages;
  expect(system?.role).toBe('system');
  expect(system?.content).toContain('[func_name1(params_name1=params_value1, params_name2=params_value2...)');
  expect(system?.content).toContain('[\n    {\n        "name": "pwd",\n');
  expect(talk.request().tools).toEqual([]);
  talk.respond({ text: 'Sorry.' });
  expect(talk.request().messages.at(-1)?.content).toMatch(
    /^\[\{'name': 'touch', 'description': '.*\}\]\nI have updated some more functions/,
  );
  talk.respond({ text: '[touch(file_name="it\'s"), ls()]' });
  expect(talk.request().messages.at(-1)).toEqual({
    role: 'user',
    content:
      `[{'role': 'tool', 'name': 'touch(file_name="it\\'s")', 'content': 'None'}, ` +
      `{'role': 'tool', 'name': 'ls()', 'content': '{"current_directory_content": ["it\\'s"]}'}]`,
  });
});

test('the step after the limit runs, then the whole task ends', () => {
  const talk = conversation('prompting', 2);
  for (let step = 0; step < 5; step++) talk.respond({ text: '[pwd()]' });
  expect(talk).toMatchObject({ isFinished: true, isForced: true });
  expect(talk.modelCalls).toEqual([[['pwd()'], ['pwd()'], ['pwd()']]]);
  expect(checkTask(task(), talk.modelCalls).errorType).toBe('multi_turn:force_terminated');
});

test('a forced end in the last turn leaves an entry that is judged as any other', () => {
  const only = { turns: [{ messages: [], groundTruth: ['pwd()'] }] };
  const talk = conversation('fc', 1, only);
  for (let step = 0; step < 3; step++) talk.respond({ text: '', toolCalls: [{ name: 'pwd', arguments: '{}' }] });
  expect(talk.isForced).toBe(true);
  expect(checkTask(task(only), talk.modelCalls).valid).toBe(true);
});

test('answers that do not decode end the turn: bad JSON, arguments that are no object, no calls', () => {
  for (const args of ['{"a": ', '[1]', 'null']) {
    const talk = conversation('fc');
    talk.respond({ text: '', toolCalls: [{ name: 'pwd', arguments: args }] });
    talk.respond({ text: '' });
    expect(talk.isFinished).toBe(true);
    expect(talk.modelCalls).toEqual([[], []]);
  }
});
