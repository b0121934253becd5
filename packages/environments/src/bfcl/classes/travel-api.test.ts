import { expect, test } from 'vitest';
import { ProcessObjects } from '../process-objects.js';
import { instancesOf, LONG_CONTEXT } from './class-fixture.js';

// Expected texts are those of the benchmark's reference implementation, run on CPython 3.11.

const TRAVELLER = `{"TravelAPI": {"access_token": "t", "token_expires_in": 2, "user_first_name": "Ann",
  "user_last_name": "Lee", "credit_card_list": {"c": {"balance": 1000}}}}`;

function traveller(scenario = TRAVELLER) {
  return instancesOf(['TravelAPI'], scenario).run;
}

test('ids come from the seeded generator in the order of the calls', () => {
  const run = traveller('{}');
  expect(run("authenticate_travel('i', 's', 'r', 'read_write', 'Ann', 'Lee')")).toBe(
    '{"expires_in": 2, "access_token": "251675", "token_type": "Bearer", "scope": "read_write"}',
  );
  expect(run("register_credit_card('251675', '4', '1/30', 'Ann', 7)")).toBe('{"card_id": "391310425148"}');
  expect(run("get_credit_card_balance('251675', '391310425148')")).toBe('{"card_balance": 58617}');
  expect(run("book_flight('251675', '391310425148', '2024-10-10', 'SFO', 'LAX', 'first')")).toBe(
    '{"booking_id": "4191922", "transaction_id": "56121276", "booking_status": true, "booking_history": {}}',
  );
  expect(run("purchase_insurance('251675', 'basic', '4191922', 17.5, '391310425148')")).toBe(
    '{"insurance_id": "789652479", "insurance_status": true}',
  );
  // 58617 - 200 * 5 * 2 (the digits of the date add up to 10) - 17.5
  expect(run("get_credit_card_balance('251675', '391310425148')")).toBe('{"card_balance": 56599.5}');
  expect(run("cancel_booking('251675', '4191922')")).toBe('{"cancel_status": true}');
  expect(run("get_credit_card_balance('251675', '391310425148')")).toBe('{"card_balance": 58599.5}');
});

test('a booking is refused for the first thing that is wrong', () => {
  const run = traveller();
  const cases = [
    ["'x', 'c', '2024-10-11', 'SFO', 'LAX', 'first'", 'Invalid access token'],
    ["'t', 'd', '2024-10-11', 'SFO', 'LAX', 'first'", 'Card not registered'],
    ["'t', 'c', '2024-10-11', 'XXX', 'LAX', 'first'", 'Invalid departure airport code: XXX'],
    ["'t', 'c', '2024-10-11', 'SFO', 5, 'first'", 'Invalid destination airport code: 5'],
    ["'t', 'c', '2024-10-41', 'SFO', 'LAX', 'first'", 'Invalid date format. Use YYYY-MM-DD.'],
    [
      "'t', 'c', '2024-10-11', 'SFO', 'LAX', 'coach'",
      "Invalid travel class. Must be one of {'business', 'economy', 'first'}",
    ],
    ["'t', 'c', '2024-10-11', 'SFO', 'HND', 'first'", 'No available route for the given airports.'],
    ["'t', 'c', '2024-10-10', 'SFO', 'JFK', 'first'", 'Insufficient funds'],
  ] as const;
  for (const [args, error] of cases) {
    expect(run(`book_flight(${args})`)).toBe(`{"booking_status": false, "error": "${error}"}`);
  }
  run("set_budget_limit('t', 1000.5)");
  expect(run("book_flight('t', 'c', '2024-10-11', 'SFO', 'LAX', 'economy')")).toBe(
    '{"booking_status": false, "error": "Balance is less than budget limit"}',
  );
  expect(run("book_flight('t', 'c', 5, 'SFO', 'LAX', 'first')")).toBe(
    'Error during execution: strptime() argument 1 must be str, not int',
  );
});

test('prices double on dates whose digits add up to an even number', () => {
  const run = traveller();
  expect(run("get_flight_cost('SFO', 'LAX', '2024-10-11', 'business')")).toBe('{"travel_cost_list": [400.0]}');
  expect(run("get_flight_cost('SFO', 'LAX', 'a date of 4', 'business')")).toBe('{"travel_cost_list": [800.0]}');
  expect(run("get_flight_cost('LAX', 'JFK', 5, 'economy')")).toBe(
    "Error during execution: 'int' object is not iterable",
  );
  expect(run("get_flight_cost('SFO', 'HND', '', 'economy')")).toBe(
    'Error during execution: No available route for the given airports.',
  );
});

test('money changes in both directions of a rate', () => {
  const run = traveller();
  expect(run("compute_exchange_rate('USD', 'RMB', 3)")).toBe('{"exchanged_value": 21.0}');
  expect(run("compute_exchange_rate('EUR', 'USD', 10)")).toBe('{"exchanged_value": 12.5}');
  expect(run("compute_exchange_rate('USD', 'RMB', '1')")).toBe('{"exchanged_value": 1111111.0}');
  expect(run("compute_exchange_rate('RMB', 'EUR', 1)")).toBe(
    'Error during execution: No available exchange rate for the given currencies.',
  );
});

test('travellers are verified by name, age today and passport', () => {
  const run = traveller();
  expect(run("verify_traveler_information('Bob', 'Lee', '1990-01-01', 'US1')")).toBe(
    '{"verification_status": false, "verification_failure": "Cannot book flight information for another user.Expected Ann Lee, got Bob Lee"}',
  );
  // Today is 2025-06-15 here.
  expect(run("verify_traveler_information('Ann', 'Lee', '2007-06-15', 'US1')")).toBe('{"verification_status": true}');
  expect(run("verify_traveler_information('Ann', 'Lee', '2007-06-16', 'US1')")).toContain('at least 18 years old');
  expect(run("verify_traveler_information('Ann', 'Lee', '1990-02-30', 'US1')")).toContain('Invalid date of birth');
  expect(run("verify_traveler_information('Ann', 'Lee', '1990-01-01', 'DE1')")).toContain('United States');
});

test('without a login tokens are not initialised, and None equals the missing one', () => {
  const run = traveller('{}');
  expect(run("register_credit_card('t', '4', '1/30', 'Ann', 7)")).toBe('{"error": "Token not initialized"}');
  expect(run("get_booking_history('t')")).toBe('{"error": "Invalid access token"}');
  expect(run('get_booking_history(None)')).toBe('{"booking_history": {}}');
  expect(run('travel_get_login_status()')).toBe('{"status": false}');
});

test('long context adds cards and bookings that all instances of a process share', () => {
  const options = { longContext: LONG_CONTEXT, process: new ProcessObjects() };
  const first = instancesOf(['TravelAPI'], TRAVELLER, options).run;
  const second = instancesOf(['TravelAPI'], TRAVELLER, options).run;
  expect(first("cancel_booking('t', 'booking_1')")).toBe('{"cancel_status": true}');
  expect(second("get_credit_card_balance('t', 'card_1')")).toBe('{"card_balance": 600.0}');
  const other = instancesOf(['TravelAPI'], TRAVELLER, { longContext: LONG_CONTEXT }).run;
  expect(other("get_credit_card_balance('t', 'card_1')")).toBe('{"card_balance": 500.0}');
  // Every route's price, in table order; the first three.
  expect(other("get_flight_cost('SFO', 'LAX', '2024-10-11', 'economy')")).toMatch(
    /^\{"travel_cost_list": \[200\.0, 500\.0, 400\.0, /,
  );
});
