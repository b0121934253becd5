import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CallLog, canonicalCallText, hashTexts, type JsonValue, repeatedCalls } from './index.js';
import { hashTextReference, repeatedCallsReference } from './reference/index.js';

const call = fc.record({
  hash: fc.oneof(fc.bigInt({ min: 0n, max: 3n }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
  version: fc.integer({ min: -1, max: 2 }),
  failed: fc.constantFrom(0, 1),
});
const logs = fc.array(fc.array(call, { maxLength: 25 }), { maxLength: 6 }).map((trajectories): CallLog => {
  const calls = trajectories.flat();
  const offsets = [0];
  for (const trajectory of trajectories) offsets.push(offsets.at(-1)! + trajectory.length);
  return {
    callHashes: BigUint64Array.from(calls, ({ hash }) => hash),
    stateVersions: Int32Array.from(calls, ({ version }) => version),
    failed: Uint8Array.from(calls, ({ failed }) => failed),
    offsets: Int32Array.from(offsets),
  };
});

describe('repeatedCalls', () => {
  test('agrees with comparing every pair', () => {
    fc.assert(
      fc.property(logs, (log) => {
        expect(repeatedCalls(log)).toEqual(repeatedCallsReference(log));
      }),
    );
  });

  test('what comes later changes no earlier mark', () => {
    fc.assert(
      fc.property(logs, fc.nat(), (log, cut) => {
        const end = log.callHashes.length === 0 ? 0 : cut % log.callHashes.length;
        const head = repeatedCalls({
          callHashes: log.callHashes.slice(0, end),
          stateVersions: log.stateVersions.slice(0, end),
          failed: log.failed.slice(0, end),
          offsets: log.offsets.map((offset) => Math.min(offset, end)),
        });
        expect(head).toEqual(repeatedCalls(log).slice(0, end));
      }),
    );
  });
});

test('hashTexts agrees with the specification, step by step', () => {
  const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 100 }), fc.string({ maxLength: 300, minLength: 20 }));
  fc.assert(
    fc.property(fc.array(text, { maxLength: 10 }), (texts) => {
      expect([...hashTexts(texts)]).toEqual(texts.map(hashTextReference));
    }),
  );
});

test('canonicalCallText parses back to the call, and shuffled keys give the same text', () => {
  fc.assert(
    fc.property(fc.string(), fc.jsonValue({ maxDepth: 4 }), (name, value) => {
      const text = canonicalCallText({ name, arguments: value as JsonValue });
      const nameEnd = JSON.stringify(name).length;
      expect(JSON.parse(text.slice(0, nameEnd))).toBe(name);
      // -0 prints as 0 in JSON.
      expect(JSON.parse(text.slice(nameEnd))).toEqual(JSON.parse(JSON.stringify(value)));
      expect(canonicalCallText({ name, arguments: reverseKeys(value as JsonValue) })).toBe(text);
    }),
  );
});

function reverseKeys(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map((item) => reverseKeys(item as JsonValue));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).reverse();
  return Object.fromEntries(entries.map(([key, item]) => [key, reverseKeys(item as JsonValue)]));
}
