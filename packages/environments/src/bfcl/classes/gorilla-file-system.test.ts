import { describe, expect, test } from 'vitest';
import { instancesOf, LONG_CONTEXT } from './class-fixture.js';

// Expected texts are those of the benchmark's reference implementation (its specification and recorded runs).

const HOME = `{"GorillaFileSystem": {"root": {"home": {"type": "directory", "contents": {
  "a.txt": {"type": "file", "content": "b\\na\\n"}, "d": {"type": "directory", "contents": {}},
  ".hidden": {"type": "file", "content": ""}}}, "ignored": {"type": "directory", "contents": {}}}}}`;

function home() {
  const { run } = instancesOf(['GorillaFileSystem'], HOME);
  return (...calls: string[]) => calls.map(run).at(-1);
}

describe('moving around', () => {
  test('without a scenario the root is an empty directory named /', () => {
    const { run } = instancesOf(['GorillaFileSystem']);
    expect(run('pwd()')).toBe('{"current_working_directory": "//"}');
    expect(run('ls(a=True)')).toBe('{"current_directory_content": []}');
  });

  test('cd answers with the name of the target, and with nothing for ..', () => {
    expect(home()("cd('d')")).toBe('{"current_working_directory": "d"}');
    expect(home()("cd('d///')", "cd('..')")).toBe('{}');
    expect(home()("cd('')")).toBe('{"current_working_directory": "home"}');
    expect(home()("cd('..')")).toBe('{"error": "Current directory is already the root. Cannot go back."}');
    expect(home()("cd('d/e')")).toBe(
      '{"error": "cd: d/e: Unsupported path. Only one folder level at a time is supported."}',
    );
    expect(home()('cd([])')).toBe("Error during execution: 'list' object has no attribute 'rstrip'");
  });

  test('ls hides dot files unless asked', () => {
    expect(home()('ls()')).toBe('{"current_directory_content": ["a.txt", "d"]}');
    expect(home()('ls(1)')).toBe('{"current_directory_content": ["a.txt", "d", ".hidden"]}');
  });
});

describe('writing', () => {
  test('names with special characters are refused before anything else', () => {
    expect(home()("mkdir('a|b')")).toBe('{"error": "mkdir: cannot create directory \'a|b\': Invalid character"}');
    expect(home()("echo('x', 'a*')")).toBe('{"error": "echo: cannot write to \'a*\': Invalid character"}');
    expect(home()('touch(5)')).toBe("Error during execution: argument of type 'int' is not iterable");
  });

  test('echo overwrites existing files only, and shows the text without a file', () => {
    expect(home()("echo('new', 'a.txt')", "cat('a.txt')")).toBe('{"file_content": "new"}');
    expect(home()("echo('x', 'no.txt')")).toBe('{"error": "echo: cannot write to \'no.txt\': No such file"}');
    expect(home()("echo('x', 'd')")).toBe("Error during execution: 'Directory' object has no attribute '_write'");
    expect(home()('echo([1, 2.0])')).toBe('{"terminal_output": [1, 2.0]}');
  });

  test('rmdir removes empty directories only', () => {
    expect(home()("cd('d')", "touch('f')", "cd('..')", "rmdir('d')")).toBe(
      '{"error": "rmdir: cannot remove \'d\': Directory not empty"}',
    );
    expect(home()("rmdir('a.txt')")).toBe('{"error": "rmdir: cannot remove \'a.txt\': Not a directory"}');
    expect(home()("rm('d')", "rmdir('d')")).toBe('{"error": "rmdir: cannot remove \'d\': No such file or directory"}');
  });
});

describe('reading', () => {
  test('find lists depth first, parents before children', () => {
    expect(home()("cd('d')", "touch('a2')", "cd('..')", "find('.', 'a')")).toBe('{"matches": ["./a.txt", "./d/a2"]}');
    expect(home()("find('/d/')")).toBe('{"matches": []}');
    expect(home()("find('..')")).toBe('{"error": "find: \'..\': No such file or directory"}');
    expect(home()('find(None)')).toBe("Error during execution: 'NoneType' object has no attribute 'rstrip'");
  });

  test('sort, grep, wc and tail work on lines without the last line end', () => {
    expect(home()("sort('a.txt')")).toBe('{"sorted_content": "a\\nb"}');
    expect(home()("grep('a.txt', 'b')")).toBe('{"matching_lines": ["b"]}');
    expect(home()("wc('a.txt')")).toBe('{"count": 2, "type": "lines"}');
    expect(home()("wc('a.txt', 'c')")).toBe('{"count": 4, "type": "characters"}');
    expect(home()("wc('a.txt', 'x')")).toBe('{"error": "wc: invalid mode \'x\'"}');
    expect(home()("tail('a.txt', 0)")).toBe('{"last_lines": "b\\na"}');
    expect(home()("tail('a.txt', -1)")).toBe('{"last_lines": "a"}');
    expect(home()("tail('a.txt', '3')")).toBe(
      "Error during execution: '>' not supported between instances of 'str' and 'int'",
    );
  });

  test('characters are code points, and order is by code point', () => {
    // U+1F697 sorts behind U+FF5E although its first UTF-16 unit is smaller.
    expect(home()("echo('\\U0001f697\\n\\uff5e', 'a.txt')", "sort('a.txt')")).toBe(
      '{"sorted_content": "\\uff5e\\n\\ud83d\\ude97"}',
    );
    expect(home()("echo('\\U0001f697', 'a.txt')", "wc('a.txt', 'c')")).toBe('{"count": 1, "type": "characters"}');
  });

  test('diff pairs lines up to the shorter file', () => {
    expect(home()("touch('e')", "echo('b\\nc\\nd', 'e')", "diff('a.txt', 'e')")).toBe('{"diff_lines": "- a\\n+ c"}');
  });

  test('du rounds ties to even', () => {
    // 1152 bytes are exactly 1.125 KB.
    expect(home()("echo('x' * 1152, 'a.txt')", 'du(True)')).toBe('{"disk_usage": "1.12 KB"}');
    expect(home()("echo('é', 'a.txt')", 'du()')).toBe('{"disk_usage": "2 bytes"}');
  });
});

describe('mv and cp', () => {
  test('a moved directory leaves its children with the old parent', () => {
    const run = home();
    run("mkdir('e')", "cd('d')", "mkdir('in')", "cd('..')", "mv('d', 'e')", "cd('e')", "cd('d')", "cd('in')");
    expect(run('pwd()')).toBe('{"current_working_directory": "/home/d/in"}');
    expect(run("cd('..')", 'pwd()')).toBe('{"current_working_directory": "/home/d"}');
  });

  test('a copied directory shares its files with the source, but not new names', () => {
    const run = home();
    run("cd('d')", "touch('f')", "cd('..')", "cp('d', 'e')", "cd('d')", "echo('both', 'f')", "touch('g')", "cd('..')");
    expect(run("cd('e')", "cat('f')")).toBe('{"file_content": "both"}');
    expect(run('ls()')).toBe('{"current_directory_content": ["f"]}');
  });

  test('a rename goes to the end of the directory', () => {
    expect(home()("mv('a.txt', 'z')", 'ls()')).toBe('{"current_directory_content": ["d", "z"]}');
  });

  test('clashes: mv reports them, cp raises', () => {
    const run = home();
    run("cp('a.txt', 'd')");
    expect(run("mv('a.txt', 'd')")).toBe('{"error": "mv: cannot move \'a.txt\' to \'d/a.txt\': File exists"}');
    expect(run("cp('a.txt', 'd')")).toBe("Error during execution: File 'a.txt' already exists in directory 'd'.");
    expect(run("cp('d', 'a.txt')")).toBe('{"error": "cp: cannot copy \'d\' to \'a.txt\': Not a directory"}');
  });

  test('a directory moved into itself goes out of view', () => {
    expect(home()("mv('d', 'd')", 'ls()')).toBe('{"current_directory_content": ["a.txt"]}');
  });

  test('a directory that holds itself ends walks with the recursion error', () => {
    // A child named `.` is looked up as the directory itself, so this puts the directory's own map inside it.
    expect(home()("mkdir('.')", "mv('.', 'y')", 'find()')).toBe(
      'Error during execution: maximum recursion depth exceeded',
    );
  });
});

test('long context appends to files and fills bottom directories', () => {
  const longContext = {
    ...LONG_CONTEXT,
    fileExtension: '+',
    untouchedFiles: new Set(['.hidden']),
    populatedFiles: ['p1', 'p2'],
  };
  const { instances } = instancesOf(['GorillaFileSystem'], HOME, { longContext });
  expect(instances.execute("cat('a.txt')").text).toBe('{"file_content": "b\\na\\n+"}');
  expect(instances.execute("cat('.hidden')").text).toBe('{"file_content": ""}');
  expect(instances.execute("find('d')").text).toBe('{"matches": ["d/p1", "d/p2"]}');
  expect(instances.execute('ls()').text).toBe('{"current_directory_content": ["a.txt", "d"]}');
});
