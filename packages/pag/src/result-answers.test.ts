import { expect, test } from 'vitest';
import { exampleTask } from './example-task.testing.js';
import { resultAnswers } from './result-answers.js';

const [call] = exampleTask('t').trace[0]?.calls ?? [];

test.each<[string, boolean, readonly string[]]>([
  ['{"result": 5.0}', false, ['5.0']],
  ['{"count": 3, "type": "lines"}', false, ['3']],
  ['{"file_content": "blue river"}', false, ['blue river']],
  ['{"matching_lines": ["blue river"]}', false, ['blue river']],
  ['{"matching_lines": ["a b", "c d"]}', false, []],
  ['{"sorted_content": "a\\nb"}', false, []],
  [`{"file_content": "${'x'.repeat(49)}"}`, false, []],
  ['{"file_content": ""}', false, []],
  ['{"id": 372, "title": "camera freeze", "priority": 1}', true, ['372']],
  ['{"status": "Ticket 372 has been updated successfully."}', true, []],
  ['{"follow_status": true}', false, []],
  ["[{'id': 1, 'open': True}, {'id': 2, 'open': False}]", false, ['1', '2']],
  ["[{'id': 1}, {'id': 2}, {'id': 3}, {'id': 4}]", false, []],
  ["[{'username': 'zeno', 'content': 'honey'}]", false, []],
  ['None', true, []],
  ['[]', false, []],
])('%s (changes state: %s)', (result, changesState, answers) => {
  expect(call && resultAnswers({ ...call, result, changesState })).toEqual(answers);
});

test('a result that is neither JSON nor a Python literal falls back to the one answer of the trace', () => {
  const result = "{'result': mpf('2.0')}";
  expect(call && resultAnswers({ ...call, result, answers: ['2.0'] })).toEqual(['2.0']);
  expect(call && resultAnswers({ ...call, result, answers: ['2.0', '3.0'] })).toEqual([]);
});
