import { environmentLimitsSchema } from '@parl-mt/schema';
import { afterAll, expect, test } from 'vitest';
import { ScriptedUser, type TauUser } from '../tau-bench/episode.js';
import { loadTauBenchTasks } from '../tau-bench/load-world.js';
import { tinyWorldFolder } from '../tau-bench/tiny-world.testing.js';
import { openConversation } from './open-conversation.js';

const folder = tinyWorldFolder();
afterAll(() => folder[Symbol.dispose]());
const [cancelTask, priceTask] = loadTauBenchTasks(folder.path, 'retail', 'test');
const limits = environmentLimitsSchema.parse({});

function open(task: typeof cancelTask, user: TauUser, more: { maxCallsPerTurn?: number; maxTurns?: number } = {}) {
  return openConversation(task!, 1, {
    limits,
    maxCallsPerTurn: 20,
    maxTurns: 10,
    tauBenchDirectory: folder.path,
    createTauUser: () => user,
    ...more,
  });
}

const cancel = { name: 'cancel_pending_order', arguments: '{"order_id": "#W2", "reason": "no longer needed"}' };

test('a policy that does what the user wants is paid when the user stops', async () => {
  const conversation = open(cancelTask, new ScriptedUser(['Yes.'], 'Please cancel #W2.'));
  const begun = await conversation.begin();
  expect(begun).toMatchObject({ turn: 0, messages: [{ role: 'user', content: 'Please cancel #W2.' }], isOver: false });
  expect(conversation.turns).toBeNull();
  expect(conversation.instructions?.length).toBeGreaterThan(0);
  expect((await conversation.respond('Sure?')).messages).toEqual([{ role: 'user', content: 'Yes.' }]);
  expect((await conversation.call(cancel)).result.isError).toBe(false);
  expect(await conversation.respond('Cancelled.')).toMatchObject({ turn: 2, messages: [], isOver: true });
  expect(conversation.verdict()).toMatchObject({ valid: true, progress: 1, details: { r_actions: 1 } });
  expect((await conversation.call(cancel)).result.content).toContain('the conversation is over');
});

test('what has to be said is looked for in what the policy says', async () => {
  const verdictOf = async (message: string) => {
    const conversation = open(priceTask, new ScriptedUser());
    await conversation.begin();
    await conversation.respond(message);
    return conversation.verdict();
  };
  expect(await verdictOf('It was $25.00, and 1,000 points.')).toMatchObject({ valid: true });
  expect(await verdictOf('It was $25.00.')).toMatchObject({
    valid: false,
    details: { r_outputs: 0, outputs: { '25.00': true, '1000': false } },
  });
});

test('a call that ends the episode ends the conversation, as do too many calls and too many turns', async () => {
  const transfer = { name: 'transfer_to_human_agents', arguments: '{"summary": "x"}' };
  const transferred = open(cancelTask, new ScriptedUser());
  await transferred.begin();
  expect((await transferred.call(transfer)).isOver).toBe(true);
  expect(transferred.verdict().valid).toBe(false);

  const busy = open(cancelTask, new ScriptedUser(), { maxCallsPerTurn: 1 });
  await busy.begin();
  expect((await busy.call(cancel)).isOver).toBe(false);
  expect((await busy.call(cancel)).isOver).toBe(true);

  const chatty = open(cancelTask, new ScriptedUser(['a', 'b', 'c']), { maxTurns: 2 });
  await chatty.begin();
  expect((await chatty.respond('x')).isOver).toBe(false);
  expect((await chatty.respond('y')).isOver).toBe(true);
});

test('a user that fails ends the conversation without a verdict', async () => {
  const silent: TauUser = {
    reset: async () => 'Hello.',
    step: () => Promise.reject(new Error('the model is overloaded')),
  };
  const conversation = open(cancelTask, silent);
  await conversation.begin();
  expect((await conversation.respond('Hi.')).isOver).toBe(true);
  expect(conversation.verdict()).toEqual({
    valid: null,
    progress: 0,
    details: { environment_error: 'the model is overloaded' },
  });
  const mute = open(cancelTask, { ...silent, reset: () => Promise.reject(new Error('no key')) });
  await expect(mute.begin()).rejects.toThrow('the simulated user failed: no key');
});

test('tau-bench needs a user', () => {
  expect(() => openConversation(cancelTask!, 1, { limits, maxCallsPerTurn: 1, maxTurns: 1 })).toThrow('createTauUser');
});
