import { UsageError } from '@parl-mt/schema';
import {
  asciiExcept,
  beyondAscii,
  bytes,
  choice,
  type Expression,
  literal,
  nothing,
  optional,
  repeat,
  rule,
  separated,
  sequence,
} from './expression.js';

/**
 * How values are written: JSON, or literals of Python (`True`, `'text'`). An expression for each kind of value.
 */
export interface ValueNotation {
  readonly string: (min: number, max: number | undefined) => Expression;
  /** One fixed value, in every spelling that is allowed. */
  readonly fixed: (value: unknown) => Expression;
  readonly true: string;
  readonly false: string;
  readonly null: string;
}

/** JSON's white space, at most 24 characters: a sampler that may go on with it for ever often does. */
const space = rule('space', () => repeat(choice(bytes(0x20), bytes(0x09, 0x0a), bytes(0x0d)), 0, 24));
const digit = bytes(0x30, 0x39);
const digits = (min: number, max: number): Expression => repeat(digit, min, max);
/** At most 15 digits: every such integer is exact as a double. */
const integer = rule('integer', () =>
  sequence(optional(literal('-')), choice(literal('0'), sequence(bytes(0x31, 0x39), digits(0, 14)))),
);
/** Exponents up to 279 and down to -999: with 21 digits before the point no number is beyond the greatest double. */
const exponent = choice(
  sequence(literal('-'), digits(1, 3)),
  sequence(
    optional(literal('+')),
    choice(digits(1, 2), sequence(literal('1'), digits(2, 2)), sequence(literal('2'), bytes(0x30, 0x37), digit)),
  ),
);
/** Doubles from 1e-6 below 1e21 are written out: 21 digits before the point, or 5 zeros and 17 digits behind it. */
const number = rule('number', () =>
  sequence(
    optional(literal('-')),
    choice(literal('0'), sequence(bytes(0x31, 0x39), digits(0, 20))),
    optional(sequence(literal('.'), digits(1, 24))),
    optional(sequence(choice(literal('e'), literal('E')), exponent)),
  ),
);
export const hex = choice(digit, bytes(0x41, 0x46), bytes(0x61, 0x66));
const jsonCharacter = rule('character of a string', () =>
  choice(
    asciiExcept('"\\'),
    beyondAscii,
    sequence(
      literal('\\'),
      choice(...['"', '\\', '/', 'b', 'f', 'n', 'r', 't'].map(literal), sequence(literal('u'), repeat(hex, 4, 4))),
    ),
  ),
);
const jsonString = rule('string', () => sequence(literal('"'), repeat(jsonCharacter, 0), literal('"')));

export const jsonNotation: ValueNotation = {
  string: (min, max) =>
    min === 0 && max === undefined
      ? jsonString
      : sequence(
          literal('"'),
          repeat(
            rule('counted character', () => countedCharacter),
            min,
            max,
          ),
          literal('"'),
        ),
  fixed: (value) => fixedJson(value),
  true: 'true',
  false: 'false',
  null: 'null',
};

/** Characters that count one each: escapes of single units, and no pairs of them that would make one character of two. */
const countedCharacter = choice(
  asciiExcept('"\\'),
  beyondAscii,
  sequence(literal('\\'), choice(...['"', '\\', '/', 'b', 'f', 'n', 'r', 't'].map(literal))),
);

function fixedJson(value: unknown): Expression {
  if (Array.isArray(value)) return listOf(value.map(fixedJson), literal('['), literal(']'));
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([key, each]) =>
      sequence(literal(JSON.stringify(key)), space, literal(':'), space, fixedJson(each)),
    );
    return listOf(entries, literal('{'), literal('}'));
  }
  return literal(JSON.stringify(value));
}

function listOf(items: readonly Expression[], open: Expression, close: Expression): Expression {
  const inner = items.flatMap((item, i) => (i === 0 ? [item] : [space, literal(','), space, item]));
  return sequence(open, space, ...inner, space, close);
}

/** Nesting of values that a schema leaves open. */
const FREE_LEVELS = 12;

function freeValues(notation: ValueNotation): readonly Expression[] {
  const scalar = choice(
    notation.string(0, undefined),
    number,
    literal(notation.true),
    literal(notation.false),
    literal(notation.null),
  );
  const levels: Expression[] = [scalar];
  for (let level = 1; level <= FREE_LEVELS; level++) {
    const inner = levels[level - 1]!;
    levels.push(
      rule(`any value of ${level} levels`, () => choice(scalar, arrayOf(inner, 0, undefined), mapOf(notation, inner))),
    );
  }
  return levels;
}

function arrayOf(item: Expression, min: number, max: number | undefined): Expression {
  const comma = sequence(space, literal(','), space);
  return sequence(literal('['), space, separated(item, comma, min, max), space, literal(']'));
}

function mapOf(notation: ValueNotation, value: Expression): Expression {
  const entry = sequence(notation.string(0, undefined), space, literal(':'), space, value);
  return sequence(literal('{'), space, separated(entry, sequence(space, literal(','), space), 0), space, literal('}'));
}

const ANNOTATIONS: ReadonlySet<string> = new Set([
  'title',
  'description',
  'default',
  'examples',
  'deprecated',
  'readOnly',
  'writeOnly',
  '$schema',
  '$id',
  '$comment',
  '$defs',
  'definitions',
]);
const BY_TYPE: Readonly<Record<string, readonly string[]>> = {
  string: ['minLength', 'maxLength'],
  integer: [],
  number: [],
  boolean: [],
  null: [],
  array: ['items', 'minItems', 'maxItems'],
  object: ['properties', 'required', 'additionalProperties'],
};
/** Longest counted repetition: each count is a state of its own. */
const MAX_COUNT = 4096;

type Schema = Readonly<Record<string, unknown>>;

/**
 * The values that a JSON Schema describes, written in a notation.
 *
 * Understood are `type` (one or several), `enum`, `const`, `anyOf`, `$ref` into `$defs` or `definitions`, `minLength`, `maxLength`,
 * `items`, `minItems`, `maxItems`, `properties`, `required`, `additionalProperties`; annotations are passed over. Properties come in the
 * schema's order, each at most once, and those that it does not name come only where it names none. Values that a schema leaves
 * open have at most 12 levels, integers 15 digits.
 *
 * @throws {UsageError} naming the place in the schema, for any other keyword (also where it would change nothing), or a malformed one.
 */
export function schemaExpression(schema: unknown, notation: ValueNotation = jsonNotation): Expression {
  return new SchemaReader(schema, notation).read(schema, '#');
}

class SchemaReader {
  private readonly rules = new Map<string, Expression>();
  private readonly free: readonly Expression[];

  constructor(
    private readonly root: unknown,
    private readonly notation: ValueNotation,
  ) {
    this.free = freeValues(notation);
  }

  read(schema: unknown, at: string): Expression {
    if (schema === true) return this.free.at(-1)!;
    if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) {
      throw new UsageError(`expected a JSON Schema at ${at}, received ${JSON.stringify(schema)}`);
    }
    const object = schema as Schema;
    if (object['$ref'] !== undefined) return this.readReference(object, at);
    if (object['anyOf'] !== undefined) {
      this.refuseOthers(object, ['anyOf'], at);
      const branches = listAt(object, 'anyOf', at);
      return choice(...branches.map((branch, i) => this.read(branch, `${at}/anyOf/${i}`)));
    }
    if (Object.hasOwn(object, 'const')) {
      this.refuseOthers(object, ['const', 'type'], at);
      return this.notation.fixed(object['const']);
    }
    if (object['enum'] !== undefined) {
      this.refuseOthers(object, ['enum', 'type'], at);
      const types = typesOf(object, at);
      const values = listAt(object, 'enum', at).filter(
        (value) => types === undefined || types.some((type) => isOf(value, type)),
      );
      if (values.length === 0) throw new UsageError(`expected ${at}/enum to have a value of its type, there is none`);
      return choice(...values.map((value) => this.notation.fixed(value)));
    }
    const types = typesOf(object, at);
    if (types === undefined) {
      this.refuseOthers(object, [], at);
      return this.free.at(-1)!;
    }
    this.refuseOthers(object, ['type', ...types.flatMap((type) => BY_TYPE[type]!)], at);
    return choice(...types.map((type) => this.readType(object, type, at)));
  }

  private readType(schema: Schema, type: string, at: string): Expression {
    const { notation } = this;
    switch (type) {
      case 'string':
        return notation.string(...boundsAt(schema, 'minLength', 'maxLength', at));
      case 'integer':
        return integer;
      case 'number':
        return number;
      case 'boolean':
        return choice(literal(notation.true), literal(notation.false));
      case 'null':
        return literal(notation.null);
      case 'array': {
        const items = schema['items'] ?? true;
        return arrayOf(this.read(items, `${at}/items`), ...boundsAt(schema, 'minItems', 'maxItems', at));
      }
      default:
        return this.readObject(schema, at);
    }
  }

  private readObject(schema: Schema, at: string): Expression {
    const properties = Object.entries(recordAt(schema, 'properties', at));
    const others = schema['additionalProperties'] ?? true;
    const required = new Set(listAt(schema, 'required', at));
    for (const name of required) {
      if (!properties.some(([each]) => each === name)) {
        throw new UsageError(`expected ${at}/required to name properties, received ${JSON.stringify(name)}`);
      }
    }
    if (properties.length === 0) {
      if (others === false) return sequence(literal('{'), space, literal('}'));
      return mapOf(
        this.notation,
        others === true ? this.free.at(-2)! : this.read(others, `${at}/additionalProperties`),
      );
    }
    const entries = properties.map(([name, value]) => ({
      isRequired: required.has(name),
      expression: sequence(
        this.notation.fixed(name),
        space,
        literal(':'),
        space,
        this.read(value, `${at}/properties/${name}`),
      ),
    }));
    return sequence(literal('{'), space, inOrder(entries, sequence(space, literal(','), space)), space, literal('}'));
  }

  private readReference(schema: Schema, at: string): Expression {
    this.refuseOthers(schema, ['$ref'], at);
    const reference = schema['$ref'];
    const match = typeof reference === 'string' ? /^#\/(\$defs|definitions)\/([^/]+)$/.exec(reference) : null;
    const name = match?.[2]?.replaceAll('~1', '/').replaceAll('~0', '~');
    const found = match ? (this.root as Record<string, Schema | undefined>)[match[1]!]?.[name!] : undefined;
    if (found === undefined) {
      throw new UsageError(
        `expected ${at}/$ref to be #/$defs/NAME of this schema, received ${JSON.stringify(reference)}`,
      );
    }
    const key = reference as string;
    let known = this.rules.get(key);
    if (known === undefined) {
      let inner: Expression | undefined;
      known = rule(key, () => inner!);
      this.rules.set(key, known);
      inner = this.read(found, key);
    }
    return known;
  }

  private refuseOthers(schema: Schema, known: readonly string[], at: string): void {
    for (const key of Object.keys(schema)) {
      if (ANNOTATIONS.has(key) || known.includes(key)) continue;
      throw new UsageError(`expected no keyword ${key} at ${at}: constrained decoding does not keep to it`);
    }
  }
}

/**
 * Entries in their order, each once or, where it is not required, not at all, with a separator between those that are there.
 */
export function inOrder(
  entries: readonly { readonly isRequired: boolean; readonly expression: Expression }[],
  separator: Expression,
): Expression {
  // From the end: what may follow with nothing written so far, and behind an entry.
  let [first, behind]: [Expression, Expression] = [nothing, nothing];
  for (const [i, { isRequired, expression }] of [...entries].reverse().entries()) {
    const [restFirst, restBehind] = [first, behind];
    const started = sequence(expression, restBehind);
    const continued = sequence(separator, expression, restBehind);
    const skip = (rest: Expression): readonly Expression[] => (isRequired ? [] : [rest]);
    first = rule(`from property ${entries.length - i}`, () => choice(started, ...skip(restFirst)));
    behind = rule(`behind property ${entries.length - i - 1}`, () => choice(continued, ...skip(restBehind)));
  }
  return first;
}

function typesOf(schema: Schema, at: string): readonly string[] | undefined {
  const type = schema['type'];
  if (type === undefined) return undefined;
  const types = (Array.isArray(type) ? type : [type]) as unknown[];
  for (const each of types) {
    if (typeof each !== 'string' || !Object.hasOwn(BY_TYPE, each)) {
      throw new UsageError(
        `expected ${at}/type of ${Object.keys(BY_TYPE).join(', ')}, received ${JSON.stringify(each)}`,
      );
    }
  }
  if (types.length === 0) throw new UsageError(`expected ${at}/type to name a type, received none`);
  return types as string[];
}

function isOf(value: unknown, type: string): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'array':
      return Array.isArray(value);
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    case 'integer':
      return Number.isInteger(value);
    case 'number':
      return typeof value === 'number';
    case 'boolean':
      return typeof value === 'boolean';
    default:
      return typeof value === 'string';
  }
}

function listAt(schema: Schema, key: string, at: string): readonly unknown[] {
  const value = schema[key] ?? [];
  if (!Array.isArray(value))
    throw new UsageError(`expected ${at}/${key} to be an array, received ${JSON.stringify(value)}`);
  if (key !== 'required' && value.length === 0)
    throw new UsageError(`expected ${at}/${key} to have an entry, received none`);
  return value as unknown[];
}

function recordAt(schema: Schema, key: string, at: string): Schema {
  const value = schema[key] ?? {};
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UsageError(`expected ${at}/${key} to be an object, received ${JSON.stringify(value)}`);
  }
  return value as Schema;
}

function boundsAt(schema: Schema, minKey: string, maxKey: string, at: string): [number, number | undefined] {
  for (const key of [minKey, maxKey]) {
    const value = schema[key];
    if (value === undefined) continue;
    if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > MAX_COUNT) {
      throw new UsageError(
        `expected ${at}/${key} to be an integer in 0..${MAX_COUNT}, received ${JSON.stringify(value)}`,
      );
    }
  }
  const [min, max] = [(schema[minKey] as number | undefined) ?? 0, schema[maxKey] as number | undefined];
  if (max !== undefined && min > max)
    throw new UsageError(`expected ${at}/${minKey} to be at most ${maxKey} ${max}, received ${min}`);
  return [min, max];
}
