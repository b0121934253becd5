import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readJson } from './json-reader.js';
import { type LiteralValue, writeJson } from './literal-value.js';
import { parseCallText, renderCallText } from './python-call.js';

const anyString = fc.string({ unit: 'binary', maxLength: 12 });
const numberText = fc.oneof(
  fc.integer().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc.tuple(fc.integer(), fc.nat(99)).map(([whole, fraction]) => `${whole}.${fraction}0`),
  fc.bigInt().map(String),
);
const { value: literal } = fc.letrec<{ value: LiteralValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constant<LiteralValue>({ kind: 'null' }),
    fc.boolean().map((value): LiteralValue => ({ kind: 'boolean', value })),
    numberText.map((text): LiteralValue => ({ kind: 'number', text })),
    anyString.map((value): LiteralValue => ({ kind: 'string', value })),
    fc.array(tie('value'), { maxLength: 4 }).map((items): LiteralValue => ({ kind: 'list', items })),
    fc
      .array(fc.tuple(anyString, tie('value')), { maxLength: 4 })
      .map((entries): LiteralValue => ({ kind: 'map', entries: new Map(entries) })),
  ),
}));
const call = fc
  .tuple(
    fc.stringMatching(/^[a-z_]\w{0,8}$/),
    fc.array(fc.tuple(fc.oneof(fc.stringMatching(/^[a-z]\w{0,5}$/), anyString), literal), { maxLength: 4 }),
  )
  .map(([name, entries]) => {
    // Names that are no identifiers travel in a trailing `**{…}`, so they come last in the canonical order.
    const sorted = [...new Map(entries)].sort(([a], [b]) => Number(!isName(a)) - Number(!isName(b)));
    return { name, arguments: writeJson({ kind: 'map', entries: new Map(sorted) }) };
  });

function isName(key: string): boolean {
  return /^[\p{L}_][\p{L}\p{N}_]*(?:[.-][\p{L}\p{N}_]+)*$/u.test(key);
}

test('parse after render is the identity, number spelling included', () => {
  fc.assert(
    fc.property(call, (value) => {
      expect(parseCallText(renderCallText(value))).toEqual({ ok: true, call: value });
    }),
  );
});

test('render after parse reaches a fixed point for every text that parses', () => {
  fc.assert(
    fc.property(call, (value) => {
      const canonical = renderCallText(value);
      const parsed = parseCallText(canonical);
      expect(parsed.ok && renderCallText(parsed.call)).toBe(canonical);
    }),
  );
});

test('JSON written is read back by JSON.parse and by our reader alike', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const read = readJson(JSON.stringify(value));
      expect(read.ok && JSON.parse(writeJson(read.value))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

test('no text makes the parser throw, and an error lies inside the text', () => {
  const noise = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc
      .array(fc.constantFrom('f(', 'a=', "'", '"', '\\', '[', '(', '{', ')', '**', '1', '.', 'True', ',', '\n', 'é'))
      .map((p) => p.join('')),
  );
  fc.assert(
    fc.property(noise, (source) => {
      const parsed = parseCallText(source);
      expect(parsed.ok || (parsed.error.position >= 0 && parsed.error.position <= source.length)).toBe(true);
    }),
  );
});
