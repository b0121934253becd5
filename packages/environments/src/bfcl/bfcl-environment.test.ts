import { ConfigError, type Task, UsageError } from '@parl-mt/schema';
import { beforeEach, expect, test } from 'vitest';
import { BfclEnvironment } from './bfcl-environment.js';
import { LONG_CONTEXT } from './classes/class-fixture.js';

function taskOf(involvedClasses: readonly string[], initialConfig: string): Task {
  return {
    id: 'test-1.a',
    environment: 'bfcl',
    category: 'test',
    involvedClasses: [...involvedClasses],
    initialConfig,
    tools: [],
    turns: [{ messages: [], groundTruth: [] }],
  };
}

const FILES =
  '{"GorillaFileSystem": {"root": {"home": {"type": "directory", "contents": {"a.txt": {"type": "file", "content": "x"}}}}}}';

let environment: BfclEnvironment;
beforeEach(() => {
  environment = new BfclEnvironment();
  environment.reset(taskOf(['GorillaFileSystem'], FILES), 1);
});

const run = (call: string) => environment.execute(call).content;

test('a tool call and its Python text do the same', () => {
  const call = { name: 'mv', arguments: '{"source": "a.txt", "destination": "b.txt"}' };
  expect(BfclEnvironment.renderCall(call)).toBe("mv(source='a.txt',destination='b.txt')");
  expect(environment.call(call)).toEqual({ content: '{"result": "\'a.txt\' moved to \'b.txt\'"}', isError: false });
  expect(run('ls()')).toBe('{"current_directory_content": ["b.txt"]}');
});

test('errors of the class, of binding and of parsing are results with the policy to blame', () => {
  expect(environment.execute("cat('nope')")).toEqual({
    content: '{"error": "cat: \'nope\': No such file or directory"}',
    isError: true,
    fault: 'policy',
    cause: 'tool_error',
  });
  expect(run('cat()')).toBe(
    "Error during execution: GorillaFileSystem.cat() missing 1 required positional argument: 'file_name'",
  );
  expect(run('cat(')).toBe("Error during execution: '(' was never closed (<string>, line 1)");
  const badJson = environment.call({ name: 'cat', arguments: '{' });
  expect(badJson).toMatchObject({ isError: true, fault: 'policy', cause: 'invalid_arguments' });
  const unknown = environment.call({ name: 'fly', arguments: '{}' });
  expect(unknown).toMatchObject({ isError: true, fault: 'policy', cause: 'unknown_tool' });
});

test('the text rewrite reaches into string literals', () => {
  expect(run("echo('see notes (draft)')")).toBe('{"terminal_output": "see notes(draft)"}');
  expect(run("echo('please sort (it)')")).toBe(
    '{"terminal_output": "please policy_test_1_a_GorillaFileSystem_instance.sort(it)"}',
  );
});

test('a snapshot is detached, and can be restored more than once', () => {
  const before = environment.digest();
  const snapshot = environment.snapshot();
  run("mkdir('d')");
  run("cd('d')");
  expect(environment.digest()).not.toBe(before);
  for (let round = 0; round < 2; round++) {
    environment.restore(snapshot);
    expect(environment.digest()).toBe(before);
    expect(run('pwd()')).toBe('{"current_working_directory": "/home"}');
    run("rm('a.txt')");
  }
});

test('a snapshot keeps what a copied directory shares with its source', () => {
  for (const call of ["mkdir('d')", "cd('d')", "touch('f')", "cd('..')", "cp('d', 'e')"]) run(call);
  environment.restore(environment.snapshot());
  for (const call of ["cd('d')", "echo('both', 'f')", "cd('..')", "cd('e')"]) run(call);
  expect(run("cat('f')")).toBe('{"file_content": "both"}');
});

test('misuse by the caller throws', () => {
  expect(() => environment.restore({})).toThrow(UsageError);
  expect(() => new BfclEnvironment().execute('ls()')).toThrow(/expected reset\(\) before execute\(\)/);
  expect(() => environment.reset(taskOf(['NoSuchAPI'], '{}'), 1)).toThrow(/received NoSuchAPI/);
  expect(() => environment.reset(taskOf(['GorillaFileSystem'], '{'), 1)).toThrow(ConfigError);
});

const LOGGED_IN = '{"TwitterAPI": {"authenticated": true, "username": "ann"}}';

function mentionsAfterReset(options: { readonly upstreamLeaks?: boolean }): string {
  const twitter = new BfclEnvironment(options);
  twitter.reset(taskOf(['TwitterAPI'], LOGGED_IN), 1);
  twitter.execute("post_tweet('one')");
  twitter.execute("mention(0, ['@bob'])");
  twitter.reset(taskOf(['TwitterAPI'], LOGGED_IN), 1);
  return twitter.execute("post_tweet('two')").content;
}

test('what the official process shares is kept apart per episode, unless upstreamLeaks asks for the original', () => {
  expect(mentionsAfterReset({})).toContain('"mentions": []');
  expect(mentionsAfterReset({ upstreamLeaks: true })).toContain('"mentions": ["@bob"]');
});

test('reading shared objects leaves the digest as it is, changing them does not', () => {
  const trading = new BfclEnvironment({ longContext: LONG_CONTEXT });
  trading.reset({ ...taskOf(['TradingBot', 'TwitterAPI'], LOGGED_IN), id: 'long_context_0' }, 1);
  const before = trading.digest();
  trading.execute("get_stock_info('AAPL')");
  trading.execute("post_tweet('x'");
  expect(trading.digest()).toBe(before);
  trading.execute("post_tweet('x', [], get_stock_info('AAPL')['MA(5)'])");
  const shared = trading.digest();
  trading.execute("mention(0, ['y'])");
  expect(trading.digest()).not.toBe(shared);
  expect(trading.execute("get_stock_info('AAPL')").content).toContain('"MA(5)": [5.5, "y"]');
});

test('a snapshot holds random generators and shared objects', () => {
  const car = new BfclEnvironment({ longContext: LONG_CONTEXT });
  car.reset({ ...taskOf(['VehicleControlAPI', 'TravelAPI'], '{}'), id: 'composite_0' }, 1);
  car.execute('get_current_speed()');
  car.execute('set_budget_limit(None, 5)');
  const snapshot = car.snapshot();
  const next = () => [
    car.execute('get_current_speed()').content,
    car.execute('get_outside_temperature_from_google()').content,
    car.execute("cancel_booking(None, 'booking_1')").content,
    car.execute("get_credit_card_balance(None, 'card_1')").content,
  ];
  const first = next();
  car.restore(snapshot);
  expect(next()).toEqual(first);
  expect(first[3]).toBe('{"card_balance": 600.0}');
});
