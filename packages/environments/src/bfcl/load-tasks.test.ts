import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '@parl-mt/schema';
import { beforeAll, expect, test } from 'vitest';
import { BfclEnvironment } from './bfcl-environment.js';
import { checkTask } from './checker.js';
import { bfclCategories, loadBfclTasks, loadFunctionDocuments, REVEAL_MESSAGE } from './load-tasks.js';

let folder: string;

const lines = (...records: object[]) => records.map((record) => `${JSON.stringify(record)}\n`).join('');
const document = (name: string, properties: object = {}) => ({
  name,
  description: `About ${name}.`,
  parameters: { type: 'dict', properties, required: [] },
});

/** A data folder of our own in the official layout: one task with a held-out function, one long-context task. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bfcl-'));
  const data = join(folder, 'data');
  for (const part of ['possible_answer', 'multi_turn_func_doc']) mkdirSync(join(data, part), { recursive: true });
  mkdirSync(join(data, 'unused_datasets/question'), { recursive: true });
  mkdirSync(join(data, 'unused_datasets/possible_answer'), { recursive: true });
  const task = (id: string, rest: object) => ({ id, involved_classes: ['TradingBot'], initial_config: {}, ...rest });
  const ask = (content: string) => [{ role: 'user', content }];
  writeFileSync(
    join(data, 'BFCL_v4_multi_turn_miss_func.json'),
    lines(
      task('multi_turn_miss_func_0', {
        question: [ask('Log in.'), []],
        missed_function: { '1': ['trading_login', 'get_watchlist'] },
      }),
    ),
  );
  writeFileSync(
    join(data, 'possible_answer/BFCL_v4_multi_turn_miss_func.json'),
    lines({ id: 'multi_turn_miss_func_0', ground_truth: [[], ["trading_login('a', 'b')"]] }),
  );
  writeFileSync(
    join(data, 'unused_datasets/question/BFCL_v4_multi_turn_composite.json'),
    lines(task('multi_turn_composite_0', { question: [ask('Show GOOG.')] })),
  );
  writeFileSync(
    join(data, 'unused_datasets/possible_answer/BFCL_v4_multi_turn_composite.json'),
    lines({ id: 'multi_turn_composite_0', ground_truth: [["get_stock_info('GOOG')"]] }),
  );
  writeFileSync(
    join(data, 'multi_turn_func_doc/trading_bot.json'),
    lines(
      document('get_watchlist'),
      document('trading_login', {
        username: { type: 'any', description: 'Name.' },
        limit: { type: 'float', description: 'Limit.' },
        list: { type: 'array', items: { type: 'float' } },
        more: { type: 'dict', properties: { x: { type: 'tuple' } } },
      }),
    ),
  );
});

const LONG_CONTEXT = {
  FILE_CONTENT_EXTENSION: '+',
  FILES_TAIL_USED: [],
  POPULATE_FILE_EXTENSION: [],
  WATCH_LIST_EXTENSION: ['A', { __ellipsis__: true }],
  TRANSACTION_HISTORY_EXTENSION: [],
  MA_5_EXTENSION: [1.5],
  MA_20_EXTENSION: [2],
  TECHNOLOGY_EXTENSION: [],
  AUTOMOBILE_EXTENSION: [],
  ORDER_DETAIL_EXTENSION: {},
  CREDIT_CARD_EXTENSION: {},
  BOOKING_RECORD_EXTENSION: {},
  LONG_WEATHER_EXTENSION: {},
  CAR_STATUS_METADATA_EXTENSION: '',
  PARKING_BRAKE_INSTRUCTION: '',
  INTERMEDIARY_CITIES: [],
};

test('held-out functions come without the syntax note, in the order of the reveal, and the turn says so', () => {
  const [task] = loadBfclTasks(folder, 'miss_func');
  expect(task?.tools).toEqual([]);
  expect(task?.heldOutTools?.map(({ name, description }) => [name, description])).toEqual([
    ['trading_login', 'About trading_login.'],
    ['get_watchlist', 'About get_watchlist.'],
  ]);
  expect(task?.turns[1]).toEqual({
    messages: [{ role: 'user', content: REVEAL_MESSAGE }],
    groundTruth: ["trading_login('a', 'b')"],
    revealedTools: ['trading_login', 'get_watchlist'],
  });
});

test('types become those of JSON Schema; floats get a note, items of lists do not', () => {
  const [task] = loadBfclTasks(folder, 'miss_func');
  expect(task?.heldOutTools?.[0]?.parameters).toEqual({
    type: 'object',
    required: [],
    properties: {
      username: { type: 'string', description: 'Name.' },
      limit: { type: 'number', format: 'float', description: 'Limit. This is a float type value.' },
      list: { type: 'array', items: { type: 'number' } },
      more: { type: 'object', properties: { x: { type: 'array' } } },
    },
  });
  const [first] = loadFunctionDocuments(folder, ['TradingBot']);
  expect(JSON.parse(first?.source ?? '')).toEqual(document('get_watchlist'));
});

test('long-context tasks take the data that lies beside them', () => {
  expect(bfclCategories(folder)).toEqual(['miss_func', 'composite']);
  const [bare] = loadBfclTasks(folder, 'composite');
  expect(() => new BfclEnvironment().reset(bare!, 1)).toThrow(ConfigError);
  writeFileSync(join(folder, 'long_context_data.json'), JSON.stringify(LONG_CONTEXT));
  const [task] = loadBfclTasks(folder, 'composite');
  const environment = new BfclEnvironment();
  environment.reset(task!, 1);
  // 1.5 and 2: ints and floats of the data stay apart.
  expect(environment.execute("get_stock_info('GOOG')").content).toContain('"MA(5)": [1.5], "MA(20)": [2]}');
  environment.execute("trading_login('a', 'b')");
  expect(environment.execute('get_watchlist()').content).toBe("['NVDA', 'A', Ellipsis]");
  expect(checkTask(task!, [[["get_stock_info('GOOG')"]]]).valid).toBe(true);
  const { MA_5_EXTENSION: _, ...incomplete } = LONG_CONTEXT;
  writeFileSync(join(folder, 'long_context_data.json'), JSON.stringify(incomplete));
  expect(() => loadBfclTasks(folder, 'composite')).toThrow(/expected MA_5_EXTENSION to be a list/);
});
