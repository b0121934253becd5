import { expect, test } from 'vitest';
import { missingValues } from './missing-parameter.js';
import { Random } from './random.js';
import type { ArgumentTrace, CallTrace, TurnTrace } from './trace.js';

const stated = (name: string, value: ArgumentTrace['value'], phrase: string): ArgumentTrace => ({
  name,
  value,
  text: '',
  provenance: { kind: 'stated', phrase },
});

function turnOf(userMessage: string, method: string, ...args: ArgumentTrace[]): TurnTrace {
  const call: CallTrace = {
    className: 'C',
    method,
    call: `${method}()`,
    arguments: args,
    result: '',
    answers: [],
    changesState: true,
  };
  return { userMessage, calls: [call], turnMessages: [] };
}

const drawn = (...turns: TurnTrace[]) => missingValues(turns, turns.length - 1).map((draw) => draw(new Random(1, 0)));

test('each value that the message states once can be the one that is missing', () => {
  const turn = turnOf(
    "Please comment 'nice' on tweet 47.",
    'comment',
    stated('tweet_id', { number: '47' }, 'tweet 47'),
    stated('comment_content', 'nice', "'nice'"),
  );
  expect(drawn(turn).map(({ incomplete, literal }) => [incomplete, literal])).toEqual([
    ["Please comment 'nice' on one of the tweets.", '47'],
    ['Please comment something on tweet 47.', 'nice'],
  ]);
  expect(drawn(turn)[0]?.completion).toContain('tweet 47');
  expect(drawn(turn)[0]?.question).toMatch(/\?$/);
});

test('a name after its noun goes without a trace', () => {
  const named = turnOf("Create a file called 'a.txt' here.", 'touch', stated('file_name', 'a.txt', "'a.txt'"));
  expect(drawn(named)[0]?.incomplete).toBe('Create a file here.');
});

test.each([
  ['said twice', turnOf("Sort 'a.txt', then read 'a.txt'.", 'sort', stated('file_name', 'a.txt', "'a.txt'"))],
  ['implied by a word', turnOf('Count the words in it.', 'wc', stated('mode', 'w', 'words'))],
  ['no need of the function', turnOf("Tweet 'x' with the tag '#y'.", 'post_tweet', stated('tags', ['#y'], "'#y'"))],
  [
    'not with the words around',
    turnOf('How many INR for 5 USD?', 'compute_exchange_rate', stated('target_currency', 'INR', 'INR')),
  ],
])('nothing is left out that is %s', (_, turn) => {
  expect(drawn(turn)).toEqual([]);
});

test('a value that an earlier message said is not missing', () => {
  const before = turnOf("Create 'a.txt'.", 'touch');
  const turn = turnOf("Sort 'a.txt'.", 'sort', stated('file_name', 'a.txt', "'a.txt'"));
  expect(drawn(before, turn)).toEqual([]);
  expect(drawn(turn)).toHaveLength(1);
});
