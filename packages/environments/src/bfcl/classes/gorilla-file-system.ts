import { type ApiClass, errorResult, type InstanceContext, parameter } from '../api-class.js';
import { pyContains, pyOrder } from '../python/compare.js';
import { dictItem, noAttribute, textFor } from '../python/object-access.js';
import { applyUnary } from '../python/operators.js';
import { formatFixed } from '../python/rational.js';
import { pyStr } from '../python/render.js';
import { sliceOf } from '../python/subscript.js';
import { splitLines, splitWords, stripCharacters, stripRight } from '../python/text.js';
import {
  compareCodePoints,
  isTruthy,
  lengthOf,
  PyDict,
  PyObject,
  PythonError,
  type PyValue,
  typeError,
  typeName,
} from '../python/value.js';

/** A file; its content is whatever `echo` was given, text or not. */
export class File extends PyObject {
  name: PyValue;
  content: PyValue;

  constructor(name: PyValue, content: PyValue) {
    super();
    this.name = name;
    this.content = content;
  }

  get typeName(): string {
    return 'File';
  }

  override get isImmutable(): boolean {
    return false;
  }

  repr(): string {
    return `<<File: ${pyStr(this.name)}, Content: ${pyStr(this.content)}>>`;
  }

  override isEqual(other: PyValue, compare: (a: PyValue, b: PyValue) => boolean): boolean {
    return other instanceof File && compare(this.name, other.name) && compare(this.content, other.content);
  }
}

/** A directory. Children found through a copied or moved directory keep the parent they were made under. */
export class Directory extends PyObject {
  name: PyValue;
  parent: Directory | null;
  contents: PyDict;

  constructor(name: PyValue, parent: Directory | null) {
    super();
    this.name = name;
    this.parent = parent;
    this.contents = new PyDict();
  }

  get typeName(): string {
    return 'Directory';
  }

  override get isImmutable(): boolean {
    return false;
  }

  repr(): string {
    const parent = this.parent === null ? 'None' : pyStr(this.parent.name);
    const names = this.contents.keys().map((name) => pyStr(name));
    return `<Directory: ${pyStr(this.name)}, Parent: ${parent}, Contents: [${names.join(', ')}]>`;
  }

  /** Parents are left out: they would make every comparison circular. */
  override isEqual(other: PyValue, compare: (a: PyValue, b: PyValue) => boolean): boolean {
    return other instanceof Directory && compare(this.name, other.name) && compare(this.contents, other.contents);
  }

  /** The child, or the directory itself for `.`, whatever a child of that name may be. */
  item(name: PyValue): PyValue | undefined {
    return name === '.' ? this : this.contents.get(name);
  }

  addFile(name: PyValue, content: PyValue): void {
    refuseTaken(this, 'File', name);
    this.contents.set(name, new File(name, content));
  }

  addDirectory(name: PyValue): Directory {
    refuseTaken(this, 'Directory', name);
    const directory = new Directory(name, this);
    this.contents.set(name, directory);
    return directory;
  }
}

/** @throws {PythonError} ValueError when the name is taken. */
function refuseTaken(directory: Directory, kind: string, name: PyValue): void {
  if (!directory.contents.has(name)) return;
  throw new PythonError(
    'ValueError',
    `${kind} '${pyStr(name)}' already exists in directory '${pyStr(directory.name)}'.`,
  );
}

type FileSystemState = {
  long_context: boolean;
  root: Directory;
  _currentDirectory: Directory;
};

const INVALID_CHARACTERS = '|/\\?%*:"><';
const SIZE_UNITS = ['B', 'KB', 'MB', 'GB', 'TB'];
/** Directories below which walks give up, as CPython's recursion limit of 1000 frames makes them. */
const MAX_WALK_DEPTH = 950;
/** Entries one walk may visit: copies share subdirectories, so a tree can hold exponentially many paths. */
const MAX_WALK_ITEMS = 200_000;

const fileName = parameter('file_name', 'string', 'Name of an entry of the current directory, no path.');
const directoryName = parameter('dir_name', 'string', 'Name of the directory in the current directory, no path.');

/** A file system with a current directory; only names inside it can be acted on. */
export const gorillaFileSystem: ApiClass<FileSystemState> = {
  name: 'GorillaFileSystem',

  load(config, context) {
    const root = loadRoot(config, context);
    return { long_context: context.longContext !== undefined, root, _currentDirectory: root };
  },

  methods: {
    pwd: {
      description: 'Show the path of the current directory.',
      parameters: [],
      run({ _currentDirectory }) {
        const names: string[] = [];
        for (let directory: Directory | null = _currentDirectory; directory !== null; directory = directory.parent) {
          names.push(pyStr(directory.name));
        }
        return PyDict.of({ current_working_directory: `/${names.reverse().join('/')}` });
      },
    },

    ls: {
      description: 'List the names in the current directory.',
      parameters: [parameter('a', 'boolean', 'Also list hidden names, which start with a dot.', false)],
      run({ _currentDirectory }, all = null) {
        const names = _currentDirectory.contents.keys();
        return PyDict.of({
          current_directory_content: isTruthy(all) ? names : names.filter((name) => !isHidden(name)),
        });
      },
    },

    cd: {
      description: 'Go to a folder of the current directory, to the folder above (..) or to the top (/).',
      parameters: [parameter('folder', 'string', 'Name of the folder, one level only.')],
      run(state, folderArgument = null) {
        const folder = stripRight(textFor(folderArgument, 'rstrip'), '/') || '/';
        if (folder !== '/' && folder.includes('/')) {
          return errorResult(`cd: ${folder}: Unsupported path. Only one folder level at a time is supported.`);
        }
        const current = state._currentDirectory;
        if (folder === '..') {
          if (current.parent === null) {
            return errorResult('Current directory is already the root. Cannot go back.');
          }
          state._currentDirectory = current.parent;
          return new PyDict();
        }
        const target = folder === '/' ? state.root : current.item(folder);
        if (!(target instanceof Directory)) return errorResult(`cd: '${folder}': No such file or directory`);
        state._currentDirectory = target;
        return PyDict.of({ current_working_directory: target.name });
      },
    },

    mkdir: {
      description: 'Make a directory in the current directory.',
      parameters: [directoryName],
      run({ _currentDirectory }, name = null) {
        const failure = (reason: string) => errorResult(`mkdir: cannot create directory '${pyStr(name)}': ${reason}`);
        if (hasInvalidCharacter(name)) return failure('Invalid character');
        if (_currentDirectory.contents.has(name)) return failure('File exists');
        _currentDirectory.addDirectory(name);
        return null;
      },
    },

    touch: {
      description: 'Make an empty file in the current directory.',
      parameters: [fileName],
      run({ _currentDirectory }, name = null) {
        const failure = (reason: string) => errorResult(`touch: cannot touch '${pyStr(name)}': ${reason}`);
        if (hasInvalidCharacter(name)) return failure('Invalid character');
        if (_currentDirectory.contents.has(name)) return failure('File exists');
        _currentDirectory.addFile(name, '');
        return null;
      },
    },

    echo: {
      description:
        'Overwrite an existing file of the current directory with a text, or show the text if no file is given.',
      parameters: [
        parameter('content', 'string', 'Text to write or to show.'),
        parameter('file_name', 'string', 'File to overwrite.', null),
      ],
      run({ _currentDirectory }, content = null, name = null) {
        const shown = PyDict.of({ terminal_output: content });
        if (name === null) return shown;
        if (hasInvalidCharacter(name)) {
          return errorResult(`echo: cannot write to '${pyStr(name)}': Invalid character`);
        }
        if (!isTruthy(name)) return shown;
        if (!_currentDirectory.contents.has(name)) {
          return errorResult(`echo: cannot write to '${pyStr(name)}': No such file`);
        }
        const item = _currentDirectory.item(name);
        if (!(item instanceof File)) {
          throw noAttribute(item ?? null, '_write');
        }
        item.content = content;
        return null;
      },
    },

    cat: {
      description: 'Show the content of a file in the current directory.',
      parameters: [fileName],
      run({ _currentDirectory }, name = null) {
        const failure = (reason: string) => errorResult(`cat: '${pyStr(name)}': ${reason}`);
        if (hasInvalidCharacter(name)) return failure('Invalid character');
        if (!_currentDirectory.contents.has(name)) return failure('No such file or directory');
        const item = _currentDirectory.item(name);
        return item instanceof File ? PyDict.of({ file_content: item.content }) : failure('Is a directory');
      },
    },

    find: {
      description: 'List the paths below a directory, at any depth, whose name contains a text.',
      parameters: [
        parameter('path', 'string', 'Directory to start from; a dot is the current one.', '.'),
        parameter('name', 'string', 'Text that the names contain; everything is listed without it.', null),
      ],
      run(state, path = null, name = null) {
        const start = navigate(state, path);
        if (start === undefined) return errorResult(`find: '${pyStr(path)}': No such file or directory`);
        const matches: string[] = [];
        walk(start, stripRight(textFor(path, 'rstrip'), '/'), (itemName, itemPath) => {
          if (name === null || pyContains(itemName, name)) matches.push(itemPath);
        });
        return PyDict.of({ matches });
      },
    },

    wc: {
      description: 'Count the lines, words or characters of a file in the current directory.',
      parameters: [
        fileName,
        parameter('mode', { type: 'string', enum: ['l', 'w', 'c'] }, 'Lines (l), words (w) or characters (c).', 'l'),
      ],
      run({ _currentDirectory }, name = null, mode = null) {
        if (!['l', 'w', 'c'].includes(mode as string)) return errorResult(`wc: invalid mode '${pyStr(mode)}'`);
        const content = contentOf(_currentDirectory, name);
        if (content === undefined) return noSuchFile('wc', name);
        const [count, type] =
          mode === 'l'
            ? [splitLines(textFor(content, 'splitlines')).length, 'lines']
            : mode === 'w'
              ? [splitWords(textFor(content, 'split')).length, 'words']
              : [lengthOf(content), 'characters'];
        return PyDict.of({ count: BigInt(count), type });
      },
    },

    sort: {
      description: 'Show the lines of a file in the current directory in sorted order; the file stays as it is.',
      parameters: [fileName],
      run({ _currentDirectory }, name = null) {
        const lines = linesOf(_currentDirectory, name);
        if (lines === undefined) return noSuchFile('sort', name);
        return PyDict.of({ sorted_content: lines.sort(compareCodePoints).join('\n') });
      },
    },

    grep: {
      description: 'Show the lines of a file in the current directory that contain a text.',
      parameters: [fileName, parameter('pattern', 'string', 'Text to look for, taken literally.')],
      run({ _currentDirectory }, name = null, pattern = null) {
        const lines = linesOf(_currentDirectory, name);
        if (lines === undefined) return noSuchFile('grep', name);
        return PyDict.of({ matching_lines: lines.filter((line) => pyContains(line, pattern)) });
      },
    },

    tail: {
      description: 'Show the last lines of a file in the current directory.',
      parameters: [fileName, parameter('lines', 'integer', 'How many lines to show.', 10n)],
      run({ _currentDirectory }, name = null, count = null) {
        const lines = linesOf(_currentDirectory, name);
        if (lines === undefined) return noSuchFile('tail', name);
        const size = BigInt(lines.length);
        const clipped = pyOrder('>', count, size) ? size : count;
        const last = sliceOf(lines, applyUnary('-', clipped), null, null) as string[];
        return PyDict.of({ last_lines: last.join('\n') });
      },
    },

    diff: {
      description: 'Compare two files of the current directory line by line.',
      parameters: [
        parameter('file_name1', 'string', 'First file in the current directory.'),
        parameter('file_name2', 'string', 'Second file in the current directory.'),
      ],
      run({ _currentDirectory }, first = null, second = null) {
        const { contents } = _currentDirectory;
        const files = contents.has(first) && contents.has(second);
        const left = files ? _currentDirectory.item(first) : undefined;
        const right = files ? _currentDirectory.item(second) : undefined;
        if (!(left instanceof File) || !(right instanceof File)) {
          return errorResult(`diff: ${pyStr(first)} or ${pyStr(second)}: No such file or directory`);
        }
        const leftLines = splitLines(textFor(left.content, 'splitlines'));
        const rightLines = splitLines(textFor(right.content, 'splitlines'));
        const differences: string[] = [];
        for (const [index, line] of leftLines.slice(0, rightLines.length).entries()) {
          if (line !== rightLines[index]) differences.push(`- ${line}\n+ ${rightLines[index]}`);
        }
        return PyDict.of({ diff_lines: differences.join('\n') });
      },
    },

    du: {
      description: 'Show how much space the files below the current directory take.',
      parameters: [parameter('human_readable', 'boolean', 'Use units such as KB.', false)],
      run({ _currentDirectory }, humanReadable = null) {
        let bytes = 0;
        walk(_currentDirectory, '', (_name, _path, item) => {
          if (item instanceof File) bytes += utf8Length(textFor(item.content, 'encode'));
        });
        return PyDict.of({ disk_usage: isTruthy(humanReadable) ? humanSize(bytes) : `${bytes} bytes` });
      },
    },

    mv: {
      description: 'Move or rename an entry of the current directory.',
      parameters: [
        parameter('source', 'string', 'Entry to move, in the current directory.'),
        parameter('destination', 'string', 'New name, or a directory of the current directory to move into; no path.'),
      ],
      run({ _currentDirectory }, source = null, destination = null) {
        return relocate(_currentDirectory, source, destination, 'move');
      },
    },

    cp: {
      description: 'Copy an entry of the current directory.',
      parameters: [
        parameter('source', 'string', 'Entry to copy, in the current directory.'),
        parameter('destination', 'string', 'Name of the copy, or a directory of the current directory; no path.'),
      ],
      run({ _currentDirectory }, source = null, destination = null) {
        return relocate(_currentDirectory, source, destination, 'copy');
      },
    },

    rm: {
      description: 'Remove a file, or a directory with all it holds, from the current directory.',
      parameters: [fileName],
      run({ _currentDirectory }, name = null) {
        if (!_currentDirectory.contents.delete(name)) {
          return errorResult(`rm: cannot remove '${pyStr(name)}': No such file or directory`);
        }
        return PyDict.of({ result: `'${pyStr(name)}' removed` });
      },
    },

    rmdir: {
      description: 'Remove an empty directory from the current directory.',
      parameters: [directoryName],
      run({ _currentDirectory }, name = null) {
        const failure = (reason: string) => errorResult(`rmdir: cannot remove '${pyStr(name)}': ${reason}`);
        if (!_currentDirectory.contents.has(name)) return failure('No such file or directory');
        const item = _currentDirectory.item(name);
        if (!(item instanceof Directory)) return failure('Not a directory');
        if (item.contents.size > 0) return failure('Directory not empty');
        _currentDirectory.contents.delete(name);
        return PyDict.of({ result: `'${pyStr(name)}' removed` });
      },
    },
  },
};

/** Only the first name under `root` counts; without a `root` the file system is an empty `/`. */
function loadRoot(config: PyDict, context: InstanceContext): Directory {
  const roots = config.get('root');
  if (roots === undefined) return new Directory('/', null);
  const [entry] = requireDict(roots, 'root').entries();
  if (entry === undefined) throw new PythonError('IndexError', 'list index out of range');
  const [name, value] = entry;
  const root = new Directory(name, null);
  loadContents(root, dictItem(value, 'contents'), context);
  return root;
}

function loadContents(directory: Directory, contents: PyValue, context: InstanceContext): void {
  let hasSubdirectory = false;
  for (const [name, value] of requireDict(contents, 'contents').entries()) {
    const type = dictItem(value, 'type');
    if (type === 'directory') {
      hasSubdirectory = true;
      const child = new Directory(name, directory);
      loadContents(child, dictItem(value, 'contents'), context);
      directory.contents.set(name, child);
    } else if (type === 'file') {
      directory.contents.set(name, new File(name, loadedContent(name, dictItem(value, 'content'), context)));
    }
  }
  if (context.longContext === undefined || hasSubdirectory) return;
  for (const name of context.longContext.populatedFiles) {
    if (!directory.contents.has(name)) directory.contents.set(name, new File(name, ''));
  }
}

function loadedContent(name: PyValue, content: PyValue, { longContext }: InstanceContext): PyValue {
  if (longContext === undefined || longContext.untouchedFiles.has(name as string)) return content;
  return `${pyStr(content)}${longContext.fileExtension}`;
}

function requireDict(value: PyValue, where: string): PyDict {
  if (value instanceof PyDict) return value;
  throw typeError(`expected ${where} to be an object, received ${typeName(value)}`);
}

function isHidden(name: PyValue): boolean {
  return textFor(name, 'startswith').startsWith('.');
}

function hasInvalidCharacter(name: PyValue): boolean {
  return Array.from(INVALID_CHARACTERS).some((character) => pyContains(name, character));
}

function noSuchFile(tool: string, name: PyValue): PyDict {
  return errorResult(`${tool}: ${pyStr(name)}: No such file or directory`);
}

function contentOf(directory: Directory, name: PyValue): PyValue | undefined {
  if (!directory.contents.has(name)) return undefined;
  const item = directory.item(name);
  return item instanceof File ? item.content : undefined;
}

function linesOf(directory: Directory, name: PyValue): string[] | undefined {
  const content = contentOf(directory, name);
  return content === undefined ? undefined : splitLines(textFor(content, 'splitlines'));
}

/** The directory a path leads to; `..` is not understood. */
function navigate(state: FileSystemState, path: PyValue): Directory | undefined {
  if (path === null || path === '.') return state._currentDirectory;
  if (path === '/') return state.root;
  const text = textFor(path, 'strip');
  let directory = text.startsWith('/') ? state.root : state._currentDirectory;
  for (const name of stripCharacters(text, '/').split('/')) {
    const next = directory.item(name);
    if (!(next instanceof Directory)) return undefined;
    directory = next;
  }
  return directory;
}

/** Visits everything below a directory, depth first, a directory before what it holds. */
function walk(start: Directory, startPath: string, visit: (name: PyValue, path: string, item: PyValue) => void): void {
  let visited = 0;
  const descend = (directory: Directory, path: string, depth: number): void => {
    for (const [name, item] of directory.contents.entries()) {
      if (depth > MAX_WALK_DEPTH || ++visited > MAX_WALK_ITEMS) {
        throw new PythonError('RecursionError', 'maximum recursion depth exceeded');
      }
      const itemPath = `${path}/${pyStr(name)}`;
      visit(name, itemPath, item);
      if (item instanceof Directory) descend(item, itemPath, depth + 1);
    }
  };
  descend(start, startPath, 0);
}

/** @throws {PythonError} UnicodeEncodeError for lone surrogates. */
function utf8Length(text: string): number {
  const lone = /[\ud800-\udfff]/u.exec(text);
  if (lone === null) return Buffer.byteLength(text, 'utf8');
  const position = Array.from(text.slice(0, lone.index)).length;
  const code = lone[0].charCodeAt(0).toString(16);
  throw new PythonError(
    'UnicodeEncodeError',
    `'utf-8' codec can't encode character '\\u${code}' in position ${position}: surrogates not allowed`,
  );
}

function humanSize(bytes: number): string {
  let size = bytes;
  for (const unit of SIZE_UNITS) {
    if (size < 1024) return `${formatFixed(size, 2)} ${unit}`;
    size /= 1024;
  }
  return `${formatFixed(size, 2)} PB`;
}

/**
 * mv and cp. What aliases is what aliases in the reference: a moved directory is a new object around the same map, a
 * copied one a new map around the same children.
 */
function relocate(current: Directory, source: PyValue, destination: PyValue, verb: 'move' | 'copy'): PyDict {
  const tool = verb === 'move' ? 'mv' : 'cp';
  const done = verb === 'move' ? 'moved' : 'copied';
  const failure = (target: string, reason: string) =>
    errorResult(`${tool}: cannot ${verb} '${pyStr(source)}'${target}: ${reason}`);
  if (!current.contents.has(source)) return failure('', 'No such file or directory');
  const item = current.item(source) as File | Directory;
  if (pyContains(destination, '/')) {
    return errorResult(`${tool}: path not allowed in destination. Provide only a file or directory name.`);
  }
  if (!current.contents.has(destination)) {
    place(current, destination, current, source, item, verb);
    return PyDict.of({ result: `'${pyStr(source)}' ${done} to '${pyStr(destination)}'` });
  }
  const target = current.item(destination);
  if (!(target instanceof Directory)) return failure(` to '${pyStr(destination)}'`, 'Not a directory');
  const path = `${pyStr(destination)}/${pyStr(source)}`;
  // The reference's cp looks for the joined path as a name, which never exists; the clash surfaces as an exception.
  const isTaken = target.contents.has(verb === 'move' ? source : path);
  if (isTaken) return failure(` to '${path}'`, 'File exists');
  place(target, source, current, source, item, verb);
  return PyDict.of({ result: `'${pyStr(source)}' ${done} to '${path}'` });
}

function place(
  target: Directory,
  name: PyValue,
  current: Directory,
  source: PyValue,
  item: File | Directory,
  verb: 'move' | 'copy',
): void {
  if (verb === 'move') current.contents.delete(source);
  if (item instanceof File) {
    target.addFile(name, item.content);
    return;
  }
  const directory = target.addDirectory(name);
  directory.contents = verb === 'move' ? item.contents : new PyDict(item.contents.entries());
}
