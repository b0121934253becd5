import type { Task } from '@parl-mt/schema';
import { expect, test } from 'vitest';
import { checkTask, effectiveSteps, findIrrelevantTurn } from './checker.js';

const task: Pick<Task, 'id' | 'involvedClasses' | 'initialConfig' | 'turns'> = {
  id: 'check',
  involvedClasses: ['TwitterAPI', 'GorillaFileSystem', 'MathAPI'],
  initialConfig: '{"TwitterAPI": {"authenticated": true}}',
  turns: [
    { messages: [], groundTruth: ["mkdir('a')", 'ls()'] },
    { messages: [], groundTruth: [] },
    { messages: [], groundTruth: ['mean([1, 2, 3])', 'ls()'] },
  ],
};

test('extra calls are free while states agree, and results may come from earlier turns', () => {
  const verdict = checkTask(task, [
    [['pwd()'], ["mkdir(dir_name='a')", 'ls()'], ['mean([1, 2, 3])']],
    [['du()']],
    // The 2.0 of turn 0 counts; ls() has to be there in the pool as well, and is, from turn 0.
    [['add(1, 1)']],
  ]);
  expect(verdict).toEqual({ valid: true, turnsPassed: 3, turnsTotal: 3 });
});

test('an equal number of another spelling is another result', () => {
  const verdict = checkTask(task, [[["mkdir('a')", 'ls()']], [], [['add(1, 1)']]]);
  expect(verdict).toMatchObject({
    valid: false,
    errorType: 'multi_turn:execution_response_mismatch',
    missingItems: ['{"result": 2.0}'],
    turn: 2,
    turnsPassed: 2,
  });
});

test('a state that differs names the class and its attributes', () => {
  const verdict = checkTask(task, [[["mkdir('b')", 'ls()']], [], [['ls()']]]);
  expect(verdict).toMatchObject({
    valid: false,
    errorType: 'multi_turn:instance_state_mismatch',
    errorMessage: 'Model instance for GorillaFileSystem does not match the state with ground truth instance.',
    differingAttributes: ['root'],
    turn: 0,
    turnsPassed: 0,
  });
});

test('a turn with ground truth needs a call, one without accepts any', () => {
  const verdict = checkTask(task, [[["mkdir('a')", 'ls()']], [['pwd()']], [[], ['']]]);
  expect(verdict).toMatchObject({
    errorType: 'multi_turn:empty_turn_model_response',
    errorMessage: 'Model response list is empty for turn 2',
    turnsPassed: 2,
  });
  expect(findIrrelevantTurn(task, [[], [['pwd()']], []])).toBe(1);
  expect(findIrrelevantTurn(task, [[], [['']], []])).toBeUndefined();
});

test('what the model did in a turn without ground truth counts in the next', () => {
  const verdict = checkTask(task, [[["mkdir('a')", 'ls()']], [["touch('x')"]], [['mean([1, 2, 3])', 'ls()']]]);
  expect(verdict).toMatchObject({ errorType: 'multi_turn:instance_state_mismatch', turn: 2, turnsPassed: 2 });
});

test('too few turns fail the entry, but the turns passed are counted', () => {
  expect(checkTask(task, [[["mkdir('a')", 'ls()']]])).toMatchObject({
    valid: false,
    errorType: 'multi_turn:force_terminated',
    errorMessage:
      'Model was force-terminated during inference phase. The length of the model result turns (1) does not match the length of the ground truth turns (3).',
    turnsPassed: 1,
  });
  expect(checkTask(task, null)).toMatchObject({ valid: false, errorType: 'multi_turn:inference_error' });
});

test('each model result answers for one ground-truth result of a turn, and is back in the next', () => {
  const twice = { ...task, turns: [{ messages: [], groundTruth: ['pwd()', 'pwd()'] }] };
  expect(checkTask(twice, [[['pwd()']]]).valid).toBe(false);
  expect(checkTask(twice, [[['pwd()', 'pwd()']]]).valid).toBe(true);
  const again = { ...task, turns: [1, 2].map(() => ({ messages: [], groundTruth: ['pwd()'] })) };
  expect(checkTask(again, [[['pwd()']], [['ls()']]]).valid).toBe(true);
});

test('both sides share the default list of mentions, as in one Python process', () => {
  const tweet = { ...task, turns: [{ messages: [], groundTruth: ["post_tweet('x')"] }] };
  // The model's mention goes into the list that the ground truth's tweet holds as well, so the states agree.
  expect(checkTask(tweet, [[["post_tweet('x')"], ["mention(0, ['@a'])"]]])).toMatchObject({
    errorType: 'multi_turn:execution_response_mismatch',
  });
});

test('steps that decoded to nothing are dropped', () => {
  expect(effectiveSteps([[], [''], ['ls()'], ['', '']])).toEqual([['ls()'], ['', '']]);
});
