import { Arguments } from './arguments.js';
import { type FieldAccess, formatBraces } from './brace-format.js';
import { JinjaFailure } from './jinja-error.js';
import { iterate, type Runtime } from './operations.js';
import { isSpace, splitSpace, stripSpace } from './python-space.js';
import { textLength } from './python-text.js';
import { type KeywordArguments, Tuple, typeName, type Value } from './value.js';

export interface MethodRuntime extends Runtime {
  readonly access: FieldAccess;
}

type Method = (text: string, args: readonly Value[], kwargs: KeywordArguments, runtime: MethodRuntime) => Value;

/** Python's methods of str that a chat template may use. Offsets given and taken are in code points. */
export const STRING_METHODS: ReadonlyMap<string, Method> = new Map<string, Method>([
  ['strip', (text, args, kwargs, runtime) => strip('strip', 'both', text, args, kwargs, runtime)],
  ['lstrip', (text, args, kwargs, runtime) => strip('lstrip', 'left', text, args, kwargs, runtime)],
  ['rstrip', (text, args, kwargs, runtime) => strip('rstrip', 'right', text, args, kwargs, runtime)],
  ['split', (text, args, kwargs, runtime) => split('split', text, args, kwargs, runtime)],
  ['rsplit', (text, args, kwargs, runtime) => split('rsplit', text, args, kwargs, runtime)],
  ['splitlines', splitLines],
  ['startswith', (text, args, kwargs, runtime) => affix('startswith', text, args, kwargs, runtime)],
  ['endswith', (text, args, kwargs, runtime) => affix('endswith', text, args, kwargs, runtime)],
  ['removeprefix', removePrefix],
  ['removesuffix', removeSuffix],
  ['partition', (text, args, kwargs, runtime) => partition('partition', text, args, kwargs, runtime)],
  ['rpartition', (text, args, kwargs, runtime) => partition('rpartition', text, args, kwargs, runtime)],
  ['find', (text, args, kwargs, runtime) => find('find', text, args, kwargs, runtime)],
  ['rfind', (text, args, kwargs, runtime) => find('rfind', text, args, kwargs, runtime)],
  ['index', (text, args, kwargs, runtime) => find('index', text, args, kwargs, runtime)],
  ['rindex', (text, args, kwargs, runtime) => find('rindex', text, args, kwargs, runtime)],
  ['count', count],
  ['replace', replace],
  ['join', join],
  ['format', (text, args, kwargs, { access, work }) => formatBraces(text, args, kwargs, access, work)],
  ['upper', mapText('upper', (text) => text.toUpperCase())],
  ['lower', mapText('lower', (text) => text.toLowerCase())],
  ['casefold', mapText('casefold', (text) => text.toLowerCase().replaceAll('ß', 'ss'))],
  ['capitalize', mapText('capitalize', capitalize)],
  ['title', mapText('title', title)],
  ['swapcase', mapText('swapcase', swapCase)],
  ['expandtabs', expandTabs],
  ['center', (text, args, kwargs, runtime) => justify('center', text, args, kwargs, runtime)],
  ['ljust', (text, args, kwargs, runtime) => justify('ljust', text, args, kwargs, runtime)],
  ['rjust', (text, args, kwargs, runtime) => justify('rjust', text, args, kwargs, runtime)],
  ['zfill', zeroFill],
  ['isalpha', test('isalpha', /^\p{L}+$/u)],
  ['isalnum', test('isalnum', /^[\p{L}\p{N}]+$/u)],
  ['isdecimal', test('isdecimal', /^\p{Nd}+$/u)],
  ['isdigit', test('isdigit', /^[\p{Nd}\u00b2\u00b3\u00b9\u2070\u2074-\u2079\u2080-\u2089]+$/u)],
  ['isnumeric', test('isnumeric', /^\p{N}+$/u)],
  ['isascii', test('isascii', /^\p{ASCII}*$/u)],
  ['isidentifier', test('isidentifier', /^[\p{ID_Start}_]\p{ID_Continue}*$/u)],
  ['isprintable', test('isprintable', /^(?:[^\p{C}\p{Z}]| )*$/u)],
  ['isspace', predicate('isspace', (text) => text !== '' && [...text].every(isSpace))],
  ['isupper', predicate('isupper', (text) => text === text.toUpperCase() && text !== text.toLowerCase())],
  ['islower', predicate('islower', (text) => text === text.toLowerCase() && text !== text.toUpperCase())],
  ['istitle', predicate('istitle', (text) => text === title(text) && text.toLowerCase() !== text.toUpperCase())],
]);

/** Methods that Python has and this sandbox does not: they change nothing, but no template needs them. */
export const UNSUPPORTED_STRING_METHODS: ReadonlySet<string> = new Set([
  'encode',
  'format_map',
  'maketrans',
  'translate',
]);

function mapText(name: string, map: (text: string) => string): Method {
  return (text, args, kwargs, { work }) => {
    new Arguments(name, [], args, kwargs);
    work.text(text.length);
    return map(text);
  };
}

function predicate(name: string, holds: (text: string) => boolean): Method {
  return (text, args, kwargs, { work }) => {
    new Arguments(name, [], args, kwargs);
    work.spend(text.length / 8);
    return holds(text);
  };
}

function test(name: string, pattern: RegExp): Method {
  return predicate(name, (text) => pattern.test(text));
}

export function capitalize(text: string): string {
  const [first = ''] = text;
  return first.toUpperCase() + text.slice(first.length).toLowerCase();
}

/** A letter behind anything that is no cased letter starts a word. */
function title(text: string): string {
  let isInWord = false;
  let result = '';
  for (const character of text) {
    const isLetter = /\p{L}/u.test(character);
    result += isLetter ? (isInWord ? character.toLowerCase() : character.toUpperCase()) : character;
    isInWord = isLetter;
  }
  return result;
}

function swapCase(text: string): string {
  return Array.from(text, (character) =>
    character === character.toLowerCase() ? character.toUpperCase() : character.toLowerCase(),
  ).join('');
}

type Side = 'both' | 'left' | 'right';

function strip(
  name: string,
  side: Side,
  text: string,
  args: readonly Value[],
  kwargs: KeywordArguments,
  { work, plain }: Runtime,
): string {
  const bound = new Arguments(name, ['chars'], args, kwargs);
  work.spend(text.length / 8);
  const characters = bound.get('chars') === null ? undefined : bound.text('chars');
  return stripCharacters(text, characters, side, plain);
}

/** Strips white space, or any of the characters of a text. */
export function stripCharacters(
  text: string,
  characters: string | undefined,
  side: Side,
  plain: (text: string) => string,
): string {
  if (characters === undefined) return stripSpace(text, side);
  const set = new Set(plain(characters));
  const items = [...text];
  const seen = [...plain(text)];
  let [start, end] = [0, items.length];
  if (side !== 'right') while (start < end && set.has(seen[start]!)) start += 1;
  if (side !== 'left') while (end > start && set.has(seen[end - 1]!)) end -= 1;
  return items.slice(start, end).join('');
}

function split(
  name: 'split' | 'rsplit',
  text: string,
  args: readonly Value[],
  kwargs: KeywordArguments,
  { work, plain }: Runtime,
): Value {
  const bound = new Arguments(name, ['sep', 'maxsplit'], args, kwargs);
  const separator = bound.get('sep') === null ? undefined : bound.text('sep');
  const limit = bound.integer('maxsplit', -1);
  work.spend(text.length / 2);
  if (separator === '') throw new JinjaFailure('value', `expected a separator of ${name} that is not empty`);
  if (separator === undefined) return splitOnSpace(text, limit, name === 'rsplit');
  return splitAt(text, separator, limit, name === 'rsplit', plain);
}

function splitAt(
  text: string,
  separator: string,
  limit: number,
  fromRight: boolean,
  plain: (text: string) => string,
): string[] {
  const seen = plain(text);
  const wanted = plain(separator);
  const parts: string[] = [];
  if (fromRight) {
    let end = text.length;
    for (let i = seen.lastIndexOf(wanted, end - wanted.length); i >= 0 && parts.length !== limit; ) {
      if (end - wanted.length < 0) break;
      parts.unshift(text.slice(i + wanted.length, end));
      end = i;
      if (end < wanted.length) break;
      i = seen.lastIndexOf(wanted, end - wanted.length);
    }
    parts.unshift(text.slice(0, end));
    return parts;
  }
  let start = 0;
  for (let i = seen.indexOf(wanted); i >= 0 && parts.length !== limit; i = seen.indexOf(wanted, start)) {
    parts.push(text.slice(start, i));
    start = i + wanted.length;
  }
  parts.push(text.slice(start));
  return parts;
}

function splitOnSpace(text: string, limit: number, fromRight: boolean): string[] {
  if (limit < 0) return splitSpace(text);
  const words: string[] = [];
  let rest = stripSpace(text, fromRight ? 'right' : 'left');
  while (rest !== '' && words.length < limit) {
    let i = fromRight ? rest.length - 1 : 0;
    while (i >= 0 && i < rest.length && !isSpace(rest[i]!)) i += fromRight ? -1 : 1;
    if (fromRight) {
      words.unshift(rest.slice(i + 1));
      rest = stripSpace(rest.slice(0, Math.max(0, i + 1)), 'right');
    } else {
      words.push(rest.slice(0, i));
      rest = stripSpace(rest.slice(i), 'left');
    }
  }
  if (rest !== '') {
    if (fromRight) words.unshift(rest);
    else words.push(rest);
  }
  return words;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: Python's ends of line.
const LINE_ENDS = /\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/g;

/** Python's `splitlines()`: no empty last line behind the last end of line. */
export function linesOf(text: string, keepEnds = false): string[] {
  const lines: string[] = [];
  let start = 0;
  for (const match of text.matchAll(LINE_ENDS)) {
    const end = match.index + match[0].length;
    lines.push(text.slice(start, keepEnds ? end : match.index));
    start = end;
  }
  if (start < text.length) lines.push(text.slice(start));
  return lines;
}

function splitLines(text: string, args: readonly Value[], kwargs: KeywordArguments, { work }: Runtime): Value {
  const bound = new Arguments('splitlines', ['keepends'], args, kwargs);
  work.spend(text.length / 2);
  return linesOf(text, bound.get('keepends') === true);
}

function affix(
  name: 'startswith' | 'endswith',
  text: string,
  args: readonly Value[],
  kwargs: KeywordArguments,
  runtime: Runtime,
): boolean {
  const { plain } = runtime;
  const bound = new Arguments(name, ['prefix', 'start', 'end'], args, kwargs);
  const wanted = bound.required('prefix');
  const choices = wanted instanceof Tuple ? wanted.items : [wanted];
  runtime.work.spend(1 + text.length / 8);
  const part = plain(text.slice(...range(text, bound)));
  return choices.some((choice) => {
    if (typeof choice !== 'string') {
      throw new JinjaFailure(
        'type',
        `expected a string or a tuple of strings for ${name}, received ${typeName(choice)}`,
      );
    }
    return name === 'startswith' ? part.startsWith(plain(choice)) : part.endsWith(plain(choice));
  });
}

/** Arguments start and end, in UTF-16 units. */
function range(text: string, bound: Arguments): [number, number] {
  const start = bound.get('start') === null ? 0 : bound.integer('start', 0);
  const end = bound.get('end') === null ? Number.MAX_SAFE_INTEGER : bound.integer('end', Number.MAX_SAFE_INTEGER);
  if (start === 0 && end === Number.MAX_SAFE_INTEGER) return [0, text.length];
  const characters = [...text];
  const toUnits = (index: number): number => {
    const clamped = Math.min(Math.max(index < 0 ? index + characters.length : index, 0), characters.length);
    return characters.slice(0, clamped).join('').length;
  };
  return [toUnits(start), toUnits(end)];
}

function removePrefix(text: string, args: readonly Value[], kwargs: KeywordArguments, { work, plain }: Runtime): Value {
  const prefix = new Arguments('removeprefix', ['prefix'], args, kwargs).requiredText('prefix');
  work.spend(text.length / 8);
  return plain(text).startsWith(plain(prefix)) ? text.slice(prefix.length) : text;
}

function removeSuffix(text: string, args: readonly Value[], kwargs: KeywordArguments, { work, plain }: Runtime): Value {
  const suffix = new Arguments('removesuffix', ['suffix'], args, kwargs).requiredText('suffix');
  work.spend(text.length / 8);
  return suffix !== '' && plain(text).endsWith(plain(suffix)) ? text.slice(0, -suffix.length) : text;
}

function partition(
  name: 'partition' | 'rpartition',
  text: string,
  args: readonly Value[],
  kwargs: KeywordArguments,
  { work, plain }: Runtime,
): Value {
  const separator = new Arguments(name, ['sep'], args, kwargs).requiredText('sep');
  if (separator === '') throw new JinjaFailure('value', `expected a separator of ${name} that is not empty`);
  work.spend(text.length / 8);
  const seen = plain(text);
  const i = name === 'partition' ? seen.indexOf(plain(separator)) : seen.lastIndexOf(plain(separator));
  if (i < 0) return new Tuple(name === 'partition' ? [text, '', ''] : ['', '', text]);
  return new Tuple([text.slice(0, i), text.slice(i, i + separator.length), text.slice(i + separator.length)]);
}

function find(
  name: 'find' | 'rfind' | 'index' | 'rindex',
  text: string,
  args: readonly Value[],
  kwargs: KeywordArguments,
  { work, plain }: Runtime,
): Value {
  const bound = new Arguments(name, ['sub', 'start', 'end'], args, kwargs);
  const wanted = plain(bound.requiredText('sub'));
  work.spend(1 + text.length / 8);
  const [start, end] = range(text, bound);
  const part = plain(text.slice(start, Math.max(start, end)));
  const i = name.startsWith('r') ? part.lastIndexOf(wanted) : part.indexOf(wanted);
  if (i < 0 || start > end) {
    if (name.endsWith('index')) throw new JinjaFailure('value', 'expected a text that contains the substring');
    return -1n;
  }
  return BigInt(textLength(text.slice(0, start + i)));
}

function count(text: string, args: readonly Value[], kwargs: KeywordArguments, { work, plain }: Runtime): Value {
  const bound = new Arguments('count', ['sub', 'start', 'end'], args, kwargs);
  const wanted = plain(bound.requiredText('sub'));
  work.spend(1 + text.length / 4);
  const part = plain(text.slice(...range(text, bound)));
  return BigInt(wanted === '' ? textLength(part) + 1 : part.split(wanted).length - 1);
}

function replace(text: string, args: readonly Value[], kwargs: KeywordArguments, runtime: Runtime): Value {
  const bound = new Arguments('replace', ['old', 'new', 'count'], args, kwargs);
  return replaceText(text, bound.requiredText('old'), bound.requiredText('new'), bound.integer('count', -1), runtime);
}

/** Python's `text.replace(old, new, limit)`; a negative limit is none. */
export function replaceText(text: string, old: string, by: string, limit: number, { work, plain }: Runtime): string {
  if (old === '') {
    // Between all characters, before the first and behind the last.
    const characters = [...text];
    const places = limit < 0 ? characters.length + 1 : Math.min(limit, characters.length + 1);
    work.text(text.length + by.length * places);
    return (
      characters.map((character, i) => (i < places ? by : '') + character).join('') +
      (places > characters.length ? by : '')
    );
  }
  const parts = splitAt(text, old, limit < 0 ? Number.POSITIVE_INFINITY : limit, false, plain);
  work.text(text.length + Math.max(0, by.length - old.length) * (parts.length - 1));
  return parts.join(by);
}

function join(text: string, args: readonly Value[], kwargs: KeywordArguments, runtime: Runtime): Value {
  const items = iterate(new Arguments('join', ['iterable'], args, kwargs).required('iterable'), runtime);
  let length = 0;
  for (const item of items) {
    if (typeof item !== 'string')
      throw new JinjaFailure('type', `expected strings to join, received ${typeName(item)}`);
    length += item.length + text.length;
  }
  runtime.work.text(length);
  return items.join(text);
}

function expandTabs(text: string, args: readonly Value[], kwargs: KeywordArguments, { work }: Runtime): Value {
  const size = new Arguments('expandtabs', ['tabsize'], args, kwargs).integer('tabsize', 8);
  let column = 0;
  let result = '';
  for (const character of text) {
    if (character === '\t') {
      const spaces = size > 0 ? size - (column % size) : 0;
      work.text(result.length + spaces);
      result += ' '.repeat(spaces);
      column += spaces;
    } else {
      result += character;
      column = character === '\n' || character === '\r' ? 0 : column + 1;
    }
  }
  return result;
}

function justify(
  name: 'center' | 'ljust' | 'rjust',
  text: string,
  args: readonly Value[],
  kwargs: KeywordArguments,
  runtime: Runtime,
): Value {
  const bound = new Arguments(name, ['width', 'fillchar'], args, kwargs);
  bound.required('width');
  const filler = bound.text('fillchar') ?? ' ';
  if (textLength(filler) !== 1) throw new JinjaFailure('type', `expected one character as fillchar of ${name}`);
  return pad(text, bound.integer('width', 0), name, filler, runtime);
}

export function pad(
  text: string,
  width: number,
  name: 'center' | 'ljust' | 'rjust',
  filler: string,
  { work }: Runtime,
): string {
  const missing = width - textLength(text);
  if (missing <= 0) return text;
  work.text(text.length + missing);
  // CPython's rule: an odd rest goes left when the width is odd.
  const left = name === 'ljust' ? 0 : name === 'rjust' ? missing : Math.floor(missing / 2) + (missing & width & 1);
  return filler.repeat(left) + text + filler.repeat(missing - left);
}

function zeroFill(text: string, args: readonly Value[], kwargs: KeywordArguments, { work }: Runtime): Value {
  const bound = new Arguments('zfill', ['width'], args, kwargs);
  bound.required('width');
  const missing = bound.integer('width', 0) - textLength(text);
  if (missing <= 0) return text;
  work.text(text.length + missing);
  const sign = /^[+-]/.exec(text)?.[0] ?? '';
  return sign + '0'.repeat(missing) + text.slice(sign.length);
}
