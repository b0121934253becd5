import { UsageError } from '@parl-mt/schema';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { readJson } from '../bfcl/python/json-reader.js';
import { PyDict } from '../bfcl/python/value.js';
import { createEnvironment } from '../create-environment.js';
import { dataHash } from './hash.js';
import { loadTauBenchTasks, loadTauWorld } from './load-world.js';
import { TauBenchEnvironment } from './tau-bench-environment.js';
import { tinyWorldFolder } from './tiny-world.testing.js';

const folder = tinyWorldFolder();
afterAll(() => folder[Symbol.dispose]());
const [cancelTask, askTask] = loadTauBenchTasks(folder.path, 'retail', 'test');
const [flightTask] = loadTauBenchTasks(folder.path, 'airline', 'test');

function started(task = cancelTask) {
  const environment = new TauBenchEnvironment({ dataDirectory: folder.path });
  environment.reset(task!, 1);
  return environment;
}

function call(environment: TauBenchEnvironment, name: string, args: object | string) {
  return environment.call({ name, arguments: typeof args === 'string' ? args : JSON.stringify(args) });
}

/** The whole database, hashed without any of the short cuts. */
function slowHash(environment: TauBenchEnvironment, domain: string, tables: readonly string[]): string {
  const lookups: { [table: string]: [string, string] } = {
    orders: ['get_order_details', 'order_id'],
    users: ['get_user_details', 'user_id'],
  };
  const world = loadTauWorld(folder.path, domain);
  expect(tables.length).toBeGreaterThan(0);
  return dataHash(
    new PyDict(
      world.tables.names().map((table) => {
        const records = new Map(world.tables.table(table));
        const lookup = lookups[table];
        if (lookup !== undefined && tables.includes(table)) {
          for (const id of records.keys()) {
            const { content } = call(environment, lookup[0], { [lookup[1]]: id });
            records.set(id, loadRecord(content));
          }
        }
        return [table, new PyDict(records)] as const;
      }),
    ),
  );
}

function loadRecord(text: string): PyDict {
  return readJson(text) as PyDict;
}

test('a task keeps its record, and offers the functions of its domain', () => {
  expect(cancelTask).toMatchObject({
    id: 'tau_bench_retail_test_0',
    environment: 'tau-bench',
    category: 'retail_test',
    involvedClasses: ['retail'],
  });
  expect(cancelTask?.turns[0]?.groundTruth[1]).toBe("cancel_pending_order(order_id='#W2', reason='no longer needed')");
  expect(started().tools()).toHaveLength(16);
  expect(started(flightTask).tools()).toHaveLength(14);
  expect(started().wiki).toBe('# Policy of retail\n');
});

test('records print in file order with their number types, and ids of digits stay in place', () => {
  const environment = started();
  expect(call(environment, 'get_product_details', { product_id: '77' }).content).toBe(
    '{"name": "Mug", "product_id": "77", "variants": {"11": {"item_id": "11", "options": {"size": "L"}, ' +
      '"available": true, "price": 30.1}, "10": {"item_id": "10", "options": {"size": "S"}, "available": true, "price": 25.0}}}',
  );
  expect(call(environment, 'list_all_product_types', {}).content).toBe('{"Lamp": "8", "Mug": "77"}');
});

test('a refund turns an int balance into a float, and the hash sees it', () => {
  const environment = started();
  const { content, isError } = call(environment, 'cancel_pending_order', {
    order_id: '#W2',
    reason: 'no longer needed',
  });
  expect(isError).toBe(false);
  expect(content).toContain('"status": "cancelled"');
  expect(call(environment, 'get_user_details', { user_id: 'ada' }).content).toContain('"balance": 125.0');
  expect(environment.dataHash()).toBe(slowHash(environment, 'retail', ['orders', 'users']));
  expect(environment.reward().reward).toBe(1);
});

test('bookings are added to the hash where their id sorts, not where they were made', () => {
  const environment = started(flightTask);
  const book = (amount: number | string) =>
    call(
      environment,
      'book_reservation',
      `{"user_id": "ada", "origin": "SFO", "destination": "JFK", "flight_type": "one_way", "cabin": "economy",
        "flights": [{"flight_number": "HAT9", "date": "2024-05-20"}], "passengers": [{"first_name": "Ada"}],
        "payment_methods": [{"payment_id": "credit_card_2", "amount": ${amount}}],
        "total_baggages": 0, "nonfree_baggages": 0, "insurance": "no"}`,
    );
  const before = environment.dataHash();
  expect(book(99).content).toBe('Error: payment amount does not add up, total price is 100, but paid 99');
  expect(environment.dataHash()).toBe(before);
  expect(book('100.0').content).toContain('"amount": 100.0');
  const first = environment.dataHash();
  expect(first).not.toBe(before);
  const again = started(flightTask);
  call(again, 'cancel_reservation', { reservation_id: 'AAAAAA' });
  expect(again.dataHash()).not.toBe(first);
  // HATHAT sorts between AAAAAA and ZZZZZZ.
  const world = loadTauWorld(folder.path, 'airline');
  const reservation = call(environment, 'get_reservation_details', { reservation_id: 'HATHAT' }).content;
  const user = call(environment, 'get_user_details', { user_id: 'ada' }).content;
  const tables = new PyDict(
    world.tables.names().map((table) => {
      const records = new Map(world.tables.table(table));
      if (table === 'reservations') records.set('HATHAT', loadRecord(reservation));
      if (table === 'users') records.set('ada', loadRecord(user));
      return [table, new PyDict(records)] as const;
    }),
  );
  expect(first).toBe(dataHash(tables));
});

test('the digest follows what later calls could show, the data hash does not care for key order', () => {
  const one = started();
  const other = started();
  const address = { address1: 'a', address2: 'b', city: 'c', state: 'd', country: 'e', zip: 'f' };
  expect(one.digest()).toBe(other.digest());
  call(one, 'get_order_details', { order_id: '#W1' });
  expect(one.digest()).toBe(other.digest());
  call(one, 'modify_user_address', { user_id: 'ada', ...address });
  expect(one.digest()).not.toBe(other.digest());
  call(other, 'modify_user_address', { ...address, user_id: 'ada' });
  expect(one.digest()).toBe(other.digest());
});

test('what is wrong with a call is the policy’s error, whatever it is', () => {
  const environment = started();
  for (const [name, args] of [
    ['get_order_details', '{'],
    ['get_order_details', '[]'],
    ['get_order_details', '{"order_id": {}}'],
    ['get_order_details', '{"__proto__": 1}'],
    ['__proto__', '{}'],
    ['constructor', '{}'],
    ['respond', '{"content": "hi"}'],
  ] as const) {
    expect(call(environment, name, args)).toMatchObject({ isError: true, fault: 'policy' });
  }
  expect(call(environment, 'toString', {}).content).toBe('Unknown action toString');
});

test('outputs must be said; commas of the agent do not count', () => {
  const environment = started(askTask);
  expect(environment.reward()).toMatchObject({
    reward: 0,
    info: { r_outputs: 0, outputs: { '25.00': false, '1000': false } },
  });
  environment.respond('It cost $25.00.');
  environment.respond('And 1,000 points.');
  expect(environment.reward().reward).toBe(1);
});

test('a transfer ends the episode', () => {
  const environment = started();
  expect(environment.isDone).toBe(false);
  call(environment, 'transfer_to_human_agents', { summary: 's' });
  expect(environment.isDone).toBe(true);
});

test('tasks of other data, foreign snapshots and calls before reset are refused', () => {
  const environment = started();
  expect(() => environment.reset({ ...cancelTask!, initialConfig: '{}' }, 1)).toThrow(/expected domain/);
  expect(() => environment.restore({})).toThrow(UsageError);
  expect(() => environment.restore(started(flightTask).snapshot())).toThrow(/same domain/);
  environment.close();
  expect(() => call(environment, 'think', {})).toThrow(/expected reset\(\) before call/);
  expect(() => createEnvironment('nonesuch')).toThrow(/bfcl, tau-bench/);
  const absent = createEnvironment('tau-bench', { tauBenchDirectory: '/nonexistent' });
  expect(() => absent.reset(cancelTask!, 1)).toThrow(/parl-mt data tau-bench/);
});

const actions = fc.constantFrom(
  ['cancel_pending_order', { order_id: '#W2', reason: 'ordered by mistake' }],
  [
    'modify_pending_order_items',
    { order_id: '#W2', item_ids: ['10'], new_item_ids: ['11'], payment_method_id: 'gift_card_1' },
  ],
  ['modify_pending_order_payment', { order_id: '#W2', payment_method_id: 'credit_card_2' }],
  ['return_delivered_order_items', { order_id: '#W1', item_ids: ['10'], payment_method_id: 'gift_card_1' }],
  [
    'exchange_delivered_order_items',
    { order_id: '#W1', item_ids: ['10'], new_item_ids: ['11'], payment_method_id: 'credit_card_2' },
  ],
  ['modify_user_address', { user_id: 'ada', address1: 'x', address2: 1, city: null, state: [], country: {}, zip: 2.5 }],
  ['get_user_details', { user_id: 'ada' }],
) as fc.Arbitrary<[string, object]>;

test('episodes on the same records see nothing of each other, and a snapshot brings everything back', () => {
  fc.assert(
    fc.property(fc.array(actions, { maxLength: 6 }), fc.array(actions, { maxLength: 6 }), (ours, theirs) => {
      const alone = started();
      const expected = ours.map(([name, args]) => call(alone, name, args).content);
      const environment = started();
      const neighbour = started();
      const results = ours.map(([name, args], index) => {
        const [otherName, otherArgs] = theirs[index] ?? ['think', { thought: '' }];
        call(neighbour, otherName, otherArgs);
        return call(environment, name, args).content;
      });
      expect(results).toEqual(expected);
      expect(environment.dataHash()).toBe(alone.dataHash());
      expect(environment.dataHash()).toBe(slowHash(environment, 'retail', ['orders', 'users']));
      const snapshot = environment.snapshot();
      const before = [environment.digest(), environment.dataHash()];
      const after = theirs.map(([name, args]) => call(environment, name, args).content);
      environment.restore(snapshot);
      expect([environment.digest(), environment.dataHash()]).toEqual(before);
      expect(theirs.map(([name, args]) => call(environment, name, args).content)).toEqual(after);
      environment.restore(snapshot);
      expect([environment.digest(), environment.dataHash()]).toEqual(before);
    }),
    { numRuns: 60 },
  );
});
