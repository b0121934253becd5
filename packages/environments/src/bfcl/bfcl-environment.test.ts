import { ConfigError, type Task, UsageError } from '@parl-mt/schema';
import { beforeEach, expect, test } from 'vitest';
import { BfclEnvironment } from './bfcl-environment.js';

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
