import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tauDomain } from './domain.js';

export { playTinyAgent, playTinyUser } from './tiny-players.testing.js';

const user = (name: string, methods: object) => ({
  name: { first_name: name, last_name: 'Stone' },
  address: { address1: '1 Main St', address2: '', city: 'Reno', country: 'USA', state: 'NV', zip: '89501' },
  email: `${name.toLowerCase()}@example.com`,
  payment_methods: methods,
});

const RETAIL = {
  // Prices are written by hand: 25.0 must stay a float.
  'orders.json': `{"#W2": {"order_id": "#W2", "user_id": "ada", "items": [{"name": "Mug", "product_id": "77", "item_id": "10", "price": 25.0, "options": {"size": "S"}}], "status": "pending", "payment_history": [{"transaction_type": "payment", "amount": 25.0, "payment_method_id": "gift_card_1"}]},
 "#W1": {"order_id": "#W1", "user_id": "ada", "items": [{"name": "Mug", "product_id": "77", "item_id": "10", "price": 25.0, "options": {"size": "S"}}], "status": "delivered", "payment_history": [{"transaction_type": "payment", "amount": 25.0, "payment_method_id": "credit_card_2"}]}}`,
  'products.json': `{"77": {"name": "Mug", "product_id": "77", "variants": {"11": {"item_id": "11", "options": {"size": "L"}, "available": true, "price": 30.1}, "10": {"item_id": "10", "options": {"size": "S"}, "available": true, "price": 25.0}}},
 "8": {"name": "Lamp", "product_id": "8", "variants": {}}}`,
  'users.json': JSON.stringify({
    zoe: { ...user('Zoe', {}), orders: [] },
    ada: {
      ...user('Ada', {
        gift_card_1: { source: 'gift_card', balance: 100, id: 'gift_card_1' },
        credit_card_2: { source: 'credit_card', id: 'credit_card_2' },
      }),
      orders: ['#W2', '#W1'],
    },
  }),
  'tasks_test.json': JSON.stringify([
    {
      user_id: 'ada',
      instruction: 'You are Ada. Cancel the order #W2; you no longer need it.',
      actions: [
        { name: 'get_order_details', kwargs: { order_id: '#W2' } },
        { name: 'cancel_pending_order', kwargs: { order_id: '#W2', reason: 'no longer needed' } },
      ],
      outputs: [],
    },
    { user_id: 'ada', instruction: 'You are Ada. What did #W1 cost?', actions: [], outputs: ['25.00', '1000'] },
  ]),
};

const flight = (number: string, origin: string, destination: string, price: number) => ({
  flight_number: number,
  origin,
  destination,
  scheduled_departure_time_est: '06:00:00',
  scheduled_arrival_time_est: '07:00:00',
  dates: {
    '2024-05-20': {
      status: 'available',
      available_seats: { basic_economy: 1, economy: 2, business: 9 },
      prices: { basic_economy: 50, economy: 100, business: 300 + price },
    },
    '2024-05-01': { status: 'landed' },
  },
});

const AIRLINE = {
  'flights.json': JSON.stringify({ HAT9: flight('HAT9', 'SFO', 'JFK', 1), HAT1: flight('HAT1', 'JFK', 'SFO', 2) }),
  'reservations.json': JSON.stringify({
    ZZZZZZ: { reservation_id: 'ZZZZZZ', user_id: 'ada', payment_history: [] },
    AAAAAA: { reservation_id: 'AAAAAA', user_id: 'ada', payment_history: [{ payment_id: 'credit_card_2', amount: 7 }] },
  }),
  'users.json': JSON.stringify({
    zoe: { ...user('Zoe', {}), reservations: [] },
    ada: {
      ...user('Ada', {
        certificate_5: { source: 'certificate', amount: 500, id: 'certificate_5' },
        credit_card_2: { source: 'credit_card', id: 'credit_card_2' },
      }),
      reservations: ['ZZZZZZ'],
    },
  }),
  'tasks_test.json': JSON.stringify([
    {
      user_id: 'ada',
      instruction: 'You are Ada. Cancel AAAAAA.',
      actions: [{ name: 'cancel_reservation', kwargs: { reservation_id: 'AAAAAA' } }],
      outputs: [],
    },
  ]),
};

/** A folder laid out as the official data, with a handful of records of our own. */
export function tinyWorldFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'tau-bench-'));
  for (const [name, files] of Object.entries({ airline: AIRLINE, retail: RETAIL })) {
    mkdirSync(join(path, name));
    const tools = Object.entries(tauDomain(name).tools).map(([tool, { parameters }]) => ({
      type: 'function',
      function: {
        name: tool,
        description: `Calls ${tool}.`,
        parameters: {
          type: 'object',
          properties: Object.fromEntries(parameters.map((parameter) => [parameter, {}])),
          required: parameters,
        },
      },
    }));
    const all = {
      ...files,
      'tools.json': JSON.stringify(tools),
      'wiki.md': `# Policy of ${name}\n`,
      'rules.json': '["Be kind."]',
    };
    for (const [file, text] of Object.entries(all)) writeFileSync(join(path, name, file), text);
  }
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}
