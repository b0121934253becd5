import { Random } from '../../synthesis/random.js';
import { apiClass, apiClassNames } from '../registry.js';

/** What the inputs go to. */
export const FUZZ_TARGETS = ['execute', 'parse', 'prompting', 'fc'] as const;
export type FuzzTarget = (typeof FUZZ_TARGETS)[number];

/** One generated text for one target: a call text, a prompting-mode output, or the JSON text of FC-mode arguments. */
export interface FuzzInput {
  readonly target: FuzzTarget;
  readonly text: string;
}

/** The input of that seed and index; equal numbers give equal inputs, so one input can be run again alone. */
export function fuzzInput(seed: number, index: number): FuzzInput {
  const random = new Random(seed, index);
  const target = FUZZ_TARGETS[index % FUZZ_TARGETS.length] as FuzzTarget;
  const text = generate(target, random);
  return { target, text: random.chance(0.45) ? mutate(text, random) : text };
}

function generate(target: FuzzTarget, random: Random): string {
  if (random.chance(0.04)) return hostileText(random);
  switch (target) {
    case 'execute':
    case 'parse':
      return callText(random, 0);
    case 'prompting':
      return promptOutput(random);
    case 'fc':
      return jsonText(random, 0);
  }
}

interface KnownMethod {
  readonly name: string;
  readonly parameters: readonly string[];
}

const METHODS: readonly KnownMethod[] = apiClassNames.flatMap((className) =>
  Object.entries(apiClass(className)?.methods ?? {}).map(([name, { parameters }]) => ({
    name,
    parameters: parameters.map((parameter) => parameter.name),
  })),
);

const NAMES = [
  'x',
  'f',
  'range',
  'map',
  'zip',
  'enumerate',
  'pow',
  'divmod',
  'format',
  'type',
  'print',
  'next',
  'await',
  'str',
  'len',
  'int',
  'sum',
  'sorted',
  'max',
  'round',
  'list',
  'dict',
  'set',
  'tuple',
  'abs',
];
const HOSTILE_NAMES = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', '__import__', 'eval'];
const STRINGS = ['a.txt', 'USR001', 'AAPL', 'SFO', 'economy', '2024-10-10', '..', '/', '', 'é', '☃', '\\', "it's", '"'];
const NUMBERS = ['0', '1', '-1', '12345', '1.5', '1e308', '1e-320', '1e400', '0x1f', '1_000', '7j', '9'.repeat(40)];
const PREFIXES = ['', '', '', 'r', 'b', 'u', 'f', 'rb'];
const OPERATORS = ['+', '-', '*', '/', '//', '%', '**', '<<', '>>', '&', '|', '^', '@'];
const BUILTIN_METHODS =
  'upper split rsplit replace join format format_map find count zfill center strip splitlines title translate encode append pop sort insert extend get items keys update setdefault popitem union add is_integer bit_length __class__'.split(
    ' ',
  );
const PLACES = ['%s', '%5.2f', '%*d', '%(a)s', '%c', '%r%%', '%#x', '%-08e', '%.99999999g', '%', '%y', '%999999999s'];
const COMPARISONS = ['<', '<=', '==', '!=', 'in', 'not in', 'is', 'is not', 'and', 'or'];

function callText(random: Random, depth: number): string {
  const method = random.chance(0.85) ? random.pick(METHODS) : undefined;
  const name = method?.name ?? random.pick([...NAMES, ...HOSTILE_NAMES]);
  const parameters = method?.parameters ?? ['x', 'y'];
  const args = parameters.flatMap((parameter) => {
    if (random.chance(0.12)) return [];
    const value = expression(random, depth + 1);
    return [random.chance(0.6) ? `${parameter}=${value}` : value];
  });
  if (random.chance(0.05)) args.push(`${random.pick([...parameters, ...HOSTILE_NAMES, '**x', 'z'])}=1`);
  const tail = random.chance(0.08) ? `[${expression(random, depth + 1)}]` : '';
  return `${name}${random.chance(0.05) ? ' ' : ''}(${args.join(random.pick([', ', ',', ' , ']))})${tail}`;
}

function expression(random: Random, depth: number): string {
  const nested = () => expression(random, depth + 1);
  const many = (make: () => string) => Array.from({ length: random.integer(0, 3) }, make).join(', ');
  if (depth > 4 || random.chance(0.5)) return literal(random);
  switch (random.integer(0, 13)) {
    case 10:
      return `${nested()}.${random.pick(BUILTIN_METHODS)}(${many(nested)})`;
    case 11:
      return `'${random.pick(PLACES)}' % ${nested()}`;
    case 12:
      return `(lambda ${random.pick(['x', '*x', 'x=1', '**x', 'x, /, y=2', ''])}: ${nested()})(${many(nested)})`;
    case 13:
      return `f'{${random.pick(['x', '1', '1.5', '"a"', nested()])}${random.pick(['', '!r', '=', '!z'])}${random.pick(['', ':>9', ':.3f', ':{2}', ':,', ':x'])}}'`;
    case 0:
      return `[${many(nested)}]`;
    case 1:
      return `{${many(() => `${nested()}: ${nested()}`)}}`;
    case 2:
      return `(${many(nested)},)`;
    case 3:
      return `${nested()} ${random.pick(OPERATORS)} ${nested()}`;
    case 4:
      return `${nested()} ${random.pick(COMPARISONS)} ${nested()}`;
    case 5:
      return `${random.pick(['-', '+', '~', 'not '])}${nested()}`;
    case 6:
      return `${nested()}[${random.chance(0.5) ? nested() : `${literal(random)}:${literal(random)}`}]`;
    case 7:
      return `${nested()} if ${nested()} else ${nested()}`;
    case 8:
      return `[${nested()} for x in ${nested()}${random.chance(0.3) ? ` if ${nested()}` : ''}]`;
    default:
      return random.chance(0.7) ? callText(random, depth + 1) : `${nested()}.${random.pick(HOSTILE_NAMES)}`;
  }
}

function literal(random: Random): string {
  switch (random.integer(0, 4)) {
    case 0:
      return random.pick(NUMBERS);
    case 1:
      return random.pick(['True', 'False', 'None', 'true', 'null', '...', 'x', ...HOSTILE_NAMES]);
    default: {
      const quote = random.pick(["'", '"', "'''", '"""']);
      const body = random.pick([...STRINGS, ...HOSTILE_NAMES, '{x}', '\\n', '\\u12', 'sort(it)']);
      return `${random.pick(PREFIXES)}${quote}${body}${quote}`;
    }
  }
}

function promptOutput(random: Random): string {
  const calls = Array.from({ length: random.integer(0, 4) }, () => callText(random, 0)).join(', ');
  const wrapped = random.pick(['[%]', '%', '(%)', '{%}', '```\n[%]\n```', "'[%]'", '[%', '%]', '[[%]]']);
  return wrapped.replace('%', () => calls);
}

function jsonText(random: Random, depth: number): string {
  const key = () => JSON.stringify(random.pick([...STRINGS, ...HOSTILE_NAMES, 'file_name', 'a b']));
  const value = (): string => {
    if (depth > 3 || random.chance(0.5)) {
      const scalars = [...NUMBERS, 'true', 'false', 'null', 'NaN', '-Infinity', '1.0', '"\\ud800"', '"\\u0000"', key()];
      return random.pick(scalars);
    }
    if (random.chance(0.5)) return jsonText(random, depth + 1);
    return `[${Array.from({ length: random.integer(0, 3) }, value).join(random.pick([', ', ',']))}]`;
  };
  const members = Array.from(
    { length: random.integer(0, 4) },
    () => `${key()}:${random.chance(0.5) ? ' ' : ''}${value()}`,
  );
  return `{${members.join(', ')}}`;
}

/** Texts that try to be long, deep, or expensive. */
function hostileText(random: Random): string {
  const count = random.integer(1, 3000);
  switch (random.integer(0, 13)) {
    case 0:
      return '('.repeat(count);
    case 1:
      return `echo(${'['.repeat(count)}${']'.repeat(count)})`;
    case 2:
      return `echo(${'-'.repeat(count)}1)`;
    case 3:
      return `echo('a' * ${10 ** random.integer(1, 12)})`;
    case 4:
      return `echo(${9n ** BigInt(count)} ** ${count})`;
    case 5:
      return `echo([0] * ${10 ** random.integer(1, 9)})`;
    case 6:
      return `echo([x for x in ${'[x for x in '.repeat(count % 40)}'${'a'.repeat(count)}'${']'.repeat(count % 40)}])`;
    case 7:
      return `${'a '.repeat(count)}(`;
    case 8:
      return `echo(${'f("'.repeat(count % 200)}x${'")'.repeat(count % 200)})`;
    case 9:
      return `{${'"a":{'.repeat(count)}${'}'.repeat(count)}}`;
    case 10:
      return `{"a": ${'['.repeat(count)}1${']'.repeat(count)}}`;
    case 11:
      return `{"__proto__": {"polluted": ${count}}, "constructor": {"prototype": {"polluted": true}}}`;
    case 12:
      return `edit_ticket(1, {'__proto__': {'polluted': 1}, 'title': '${'\\'.repeat(count)}'})`;
    default:
      return `mv(source='a'${', b=1'.repeat(count)})`;
  }
}

const MUTATION_CHARACTERS = '()[]{}\'"=,.:+-*/\\ \n\t#`01eax_$?!@~\u00e9\u2028\u3000\0\ud800{f%';

/** One to four edits: a character removed, inserted or replaced, a piece repeated, or two pieces swapped. */
function mutate(text: string, random: Random): string {
  let mutated = text;
  for (let edits = random.integer(1, 4); edits > 0; edits--) {
    const at = random.integer(0, mutated.length);
    const character = random.pick(Array.from(MUTATION_CHARACTERS));
    switch (random.integer(0, 4)) {
      case 0:
        mutated = mutated.slice(0, at) + mutated.slice(at + 1);
        break;
      case 1:
        mutated = mutated.slice(0, at) + character + mutated.slice(at);
        break;
      case 2:
        mutated = mutated.slice(0, at) + character + mutated.slice(at + 1);
        break;
      case 3: {
        const piece = mutated.slice(at, at + random.integer(1, 20));
        mutated = mutated.slice(0, at) + piece.repeat(random.integer(2, 6)) + mutated.slice(at);
        break;
      }
      default:
        mutated = mutated.slice(at) + mutated.slice(0, at);
    }
  }
  return mutated;
}
