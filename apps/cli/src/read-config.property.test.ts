import { type ConfigJsonSchema, parseRunConfig, type RunKind, runConfigJsonSchema } from '@parl-mt/schema';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ConfigFlag, configFlags } from './config-flags.js';
import { readConfig } from './read-config.js';

/** A valid value of a field. Input paths are "." so that they exist. */
function arbitraryOf(schema: ConfigJsonSchema): fc.Arbitrary<unknown> {
  if (schema.enum !== undefined) {
    return fc.constantFrom(...schema.enum);
  }
  if (schema['x-input'] !== undefined) {
    return fc.constant('.');
  }
  switch (schema.type) {
    case 'integer': {
      const min = Math.max(schema.minimum ?? 0, -1000);
      return fc.integer({ min, max: Math.min(schema.maximum ?? min + 1000, min + 1000) });
    }
    case 'number': {
      const min = schema.minimum ?? schema.exclusiveMinimum ?? 0;
      const max = schema.maximum ?? schema.exclusiveMaximum ?? 1;
      return fc.double({ min, max, noNaN: true, minExcluded: true, maxExcluded: true });
    }
    case 'boolean':
      return fc.boolean();
    case 'array':
      return fc.array(arbitraryOf(schema.items ?? {}), { minLength: schema.minItems ?? 0, maxLength: 3 });
    case 'object':
      return fc.dictionary(fc.stringMatching(/^[a-z_]{1,8}$/), fc.integer({ min: 1, max: 64 }), {
        noNullPrototype: true,
      });
    default:
      return fc.stringMatching(/^[a-z]{1,8}$/);
  }
}

/** Sections that are unions, by their dotted path. */
function unionSections(schema: ConfigJsonSchema, path: readonly string[] = []): string[] {
  if (schema.oneOf !== undefined) return [path.join('.')];
  return Object.entries(schema.properties ?? {}).flatMap(([key, field]) => unionSections(field, [...path, key]));
}

function asText(value: unknown): string {
  if (Array.isArray(value)) return value.join(',');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function nested(flags: readonly ConfigFlag[], values: readonly unknown[]): Record<string, unknown> {
  const config: Record<string, unknown> = {};
  flags.forEach(({ path }, index) => {
    let section = config;
    for (const key of path.slice(0, -1)) {
      section[key] ??= {};
      section = section[key] as Record<string, unknown>;
    }
    section[path.at(-1)!] = values[index];
  });
  return config;
}

test('flags, --set and a configuration object say the same', () => {
  const kinds: readonly RunKind[] = ['demo', 'pag', 'sft', 'train'];
  const cases = fc.constantFrom(...kinds).chain((kind) => {
    // Flags of a union's branch make sense with what chooses the branch only: the test below has them.
    const schema = runConfigJsonSchema(kind);
    const unions = unionSections(schema);
    const all = configFlags(schema).filter(({ section }) => !unions.includes(section));
    // An adapter needs a base model.
    const isKept = ({ isRequired, name }: ConfigFlag) => isRequired || name === 'base';
    return fc.subarray(all.filter((flag) => !isKept(flag))).chain((some) => {
      const flags = [...all.filter(isKept), ...some];
      return fc.tuple(
        fc.constant(kind),
        fc.constant(flags),
        fc.tuple(...flags.map(({ schema }) => arbitraryOf(schema))),
      );
    });
  });
  fc.assert(
    fc.property(cases, ([kind, flags, values]) => {
      const schema = runConfigJsonSchema(kind);
      const expected = parseRunConfig(kind, nested(flags, values), 'test');
      const read = (set: readonly string[], texts: ReadonlyMap<string, string>) =>
        readConfig(
          configFlags(schema),
          schema,
          (input) => parseRunConfig(kind, input, 'test'),
          { set, flags: texts },
          '.',
        );
      expect(read([], new Map(flags.map(({ name }, index) => [name, asText(values[index])])))).toEqual(expected);
      const assignments = flags.map(({ path }, index) => `${path.join('.')}=${asText(values[index])}`);
      expect(read(assignments, new Map())).toEqual(expected);
    }),
    { numRuns: 60 },
  );
});

test('the branch of a union is chosen by its kind; a flag of another branch is refused', () => {
  const schema = runConfigJsonSchema('train');
  const read = (flags: Readonly<Record<string, string>>) =>
    readConfig(
      configFlags(schema),
      schema,
      (input) => parseRunConfig('train', input, 'test'),
      { set: [], flags: new Map(Object.entries({ init: '.', ...flags })) },
      '.',
    ).rl.credit;
  expect(read({})).toEqual({ kind: 'trajectory' });
  expect(read({ 'rl.credit.kind': 'turn' })).toEqual({ kind: 'turn', discount: 1 });
  expect(read({ 'rl.credit.kind': 'turn', 'rl.credit.discount': '0.5' })).toEqual({ kind: 'turn', discount: 0.5 });
  expect(() => read({ 'rl.credit.discount': '0.5' })).toThrow('rl.credit.kind');
  expect(() => read({ 'rl.credit.kind': 'trajectory', 'rl.credit.discount': '0.5' })).toThrow('rl.credit.discount');
});
