import { environmentLimitsSchema, type Task } from '@parl-mt/schema';
import { expect, test } from 'vitest';
import { REVEAL_MESSAGE } from '../bfcl/load-tasks.js';
import { openConversation } from './open-conversation.js';

const tool = (name: string, parameter: string) => ({
  name,
  description: '',
  parameters: { type: 'object', properties: { [parameter]: { type: 'string' } }, required: [parameter] },
});
const task: Task = {
  id: 'two-turns',
  environment: 'bfcl',
  category: 'test',
  involvedClasses: ['GorillaFileSystem'],
  initialConfig: '{"GorillaFileSystem": {"root": {"home": {"type": "directory", "contents": {}}}}}',
  tools: [tool('mkdir', 'dir_name')],
  heldOutTools: [tool('cd', 'folder')],
  turns: [
    { messages: [{ role: 'user', content: 'Make a folder docs.' }], groundTruth: ["mkdir(dir_name='docs')"] },
    { messages: [], groundTruth: ["cd(folder='docs')"], revealedTools: ['cd'] },
  ],
};
const limits = environmentLimitsSchema.parse({});
const open = (maxCallsPerTurn = 20) => openConversation(task, 1, { limits, maxCallsPerTurn, maxTurns: 10 });
const mkdir = { name: 'mkdir', arguments: '{"dir_name": "docs"}' };
const cd = { name: 'cd', arguments: '{"folder": "docs"}' };

test('a policy that does what the user says is accepted by the checker', async () => {
  const conversation = open();
  expect(await conversation.begin()).toEqual({
    turn: 0,
    messages: [{ role: 'user', content: 'Make a folder docs.' }],
    revealedTools: [],
    isOver: false,
  });
  expect(conversation.tools().map(({ name }) => name)).toEqual(['mkdir']);
  expect(await conversation.call(mkdir)).toEqual({ result: { content: 'None', isError: false }, isOver: false });
  const second = await conversation.respond('Done.');
  expect(second.messages).toEqual([{ role: 'user', content: REVEAL_MESSAGE }]);
  expect(second.revealedTools.map(({ name }) => name)).toEqual(['cd']);
  expect(conversation.tools().map(({ name }) => name)).toEqual(['mkdir', 'cd']);
  await conversation.call(cd);
  expect(await conversation.respond('Done.')).toEqual({ turn: 2, messages: [], revealedTools: [], isOver: true });
  expect(conversation.verdict()).toEqual({
    valid: true,
    progress: 1,
    details: { valid: true, turns_passed: 2, turns_total: 2 },
  });
  expect((await conversation.call(mkdir)).result.content).toContain('the conversation is over');
});

test('a policy that leaves the second turn undone has half of the task, and the reason', async () => {
  const conversation = open();
  await conversation.begin();
  await conversation.call(mkdir);
  await conversation.respond('Done.');
  await conversation.respond('Done.');
  expect(conversation.verdict()).toMatchObject({
    valid: false,
    progress: 0.5,
    details: { error_type: 'multi_turn:empty_turn_model_response', failed_turn: 1 },
  });
});

test('too many calls in a turn end the conversation: refused in an early turn, judged as it is in the last', async () => {
  const early = open(1);
  await early.begin();
  await early.call(mkdir);
  expect((await early.call(mkdir)).isOver).toBe(true);
  expect(early.verdict()).toMatchObject({
    valid: false,
    progress: 0.5,
    details: { error_type: 'multi_turn:force_terminated' },
  });
  expect((await early.respond('Done.')).isOver).toBe(true);
  const last = open(1);
  await last.begin();
  await last.call(mkdir);
  await last.respond('Done.');
  await last.call(cd);
  expect((await last.call(cd)).isOver).toBe(true);
  expect(last.verdict().valid).toBe(true);
});

test('calls that are none do not reach the checker', async () => {
  const conversation = open();
  await conversation.begin();
  expect((await conversation.call({ name: 'mkdir', arguments: '[' })).result.cause).toBe('invalid_arguments');
  await conversation.call(mkdir);
  await conversation.respond('Done.');
  await conversation.call(cd);
  await conversation.respond('Done.');
  expect(conversation.verdict().valid).toBe(true);
});

test('numbers keep their spelling: 5 and 5.0 are different results', async () => {
  const math: Task = {
    ...task,
    involvedClasses: ['MathAPI'],
    initialConfig: '{}',
    tools: [],
    turns: [{ messages: [], groundTruth: ['add(a=2.0, b=3.0)'] }],
  };
  const verdictOf = async (args: string) => {
    const conversation = openConversation(math, 1, { limits, maxCallsPerTurn: 20, maxTurns: 10 });
    await conversation.begin();
    await conversation.call({ name: 'add', arguments: args });
    await conversation.respond('Done.');
    return conversation.verdict().valid;
  };
  expect(await verdictOf('{"a": 2.0, "b": 3.0}')).toBe(true);
  expect(await verdictOf('{"a": 2, "b": 3}')).toBe(false);
});
