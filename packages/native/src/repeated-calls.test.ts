import { describe, expect, test } from 'vitest';
import { canonicalCallText, hashTexts, type JsonValue, repeatedCalls } from './index.js';

describe('canonicalCallText', () => {
  test('key order and spelling of numbers do not matter, the order of items does', () => {
    const one = canonicalCallText({ name: 'move', arguments: JSON.parse('{"to":{"y":2.0,"x":[1,2]},"from":"a"}') });
    const two = canonicalCallText({ name: 'move', arguments: JSON.parse('{"from":"a","to":{"x":[1.0,2],"y":2}}') });
    expect(one).toBe('"move" {"from":"a","to":{"x":[1,2],"y":2}}');
    expect(two).toBe(one);
    expect(canonicalCallText({ name: 'move', arguments: [2, 1] })).toBe('"move" [2,1]');
  });

  test('a text in the arguments cannot imitate another call', () => {
    const texts = [
      canonicalCallText({ name: 'a', arguments: '"b" {}' }),
      canonicalCallText({ name: 'a" "b', arguments: {} }),
      canonicalCallText({ name: 'a', arguments: { b: null } }),
      canonicalCallText({ name: 'a', arguments: { '"b":null,"c"': null } }),
    ];
    expect(new Set(texts).size).toBe(4);
  });

  test('arguments nested a hundred thousand deep are no problem', () => {
    let deep: JsonValue = 1;
    for (let i = 0; i < 100_000; i++) deep = i % 2 === 0 ? [deep] : { k: deep };
    expect(canonicalCallText({ name: 'f', arguments: deep })).toHaveLength('"f" '.length + 1 + 50_000 * (2 + 6));
  });

  test('an array of a hundred thousand items is no problem', () => {
    const text = canonicalCallText({ name: 'f', arguments: Array<number>(100_000).fill(7) });
    expect(text).toHaveLength('"f" '.length + 200_001);
  });
});

describe('hashTexts', () => {
  test('published XXH64 vectors', () => {
    const texts = ['', 'a', 'abc', 'Nobody inspects the spammish repetition'];
    expect([...hashTexts(texts)]).toEqual([
      0xef46db3751d8e999n,
      0xd24ec4f1a98c6e5bn,
      0x44bc2cf5ad770999n,
      0xfbcea83c8a378bf1n,
    ]);
    expect(hashTexts([])).toHaveLength(0);
  });

  test('what is not a text is refused by index', () => {
    expect(() => hashTexts(['a', 3 as unknown as string])).toThrow('expected texts[1] to be a string');
  });
});

describe('repeatedCalls', () => {
  test('the rules, call by call', () => {
    const calls: readonly (readonly [call: string, version: number, failed: number, redundant: number])[] = [
      ['list()', 0, 0, 0],
      ['list()', 0, 0, 1], // the state has not changed since
      ['write()', 0, 0, 0],
      ['list()', 1, 0, 0], // the state has changed
      ['open(x)', 1, 1, 0],
      ['open(x)', 2, 1, 1], // fails as before
      ['open(x)', 3, 0, 0], // succeeds where it failed
      ['list()', 1, 0, 1], // back in a state that it was asked in
    ];
    const out = repeatedCalls({
      callHashes: hashTexts(calls.map(([call]) => call)),
      stateVersions: Int32Array.from(calls, ([, version]) => version),
      failed: Uint8Array.from(calls, ([, , failed]) => failed),
      offsets: Int32Array.of(0, calls.length),
    });
    expect([...out]).toEqual(calls.map(([, , , redundant]) => redundant));
  });

  test('trajectories do not see each other', () => {
    const same = { callHashes: hashTexts(['f', 'f']), stateVersions: new Int32Array(2), failed: new Uint8Array(2) };
    expect([...repeatedCalls({ ...same, offsets: Int32Array.of(0, 1, 1, 2) })]).toEqual([0, 0]);
    expect([...repeatedCalls({ ...same, offsets: Int32Array.of(0, 2) })]).toEqual([0, 1]);
  });

  test('lengths are checked', () => {
    const log = { callHashes: hashTexts(['f', 'f']), stateVersions: new Int32Array(2), failed: new Uint8Array(2) };
    expect(() => repeatedCalls({ ...log, offsets: Int32Array.of(0, 3) })).toThrow(
      'expected callHashes.length to be the last offset 3, received 2',
    );
    expect(() => repeatedCalls({ ...log, failed: new Uint8Array(1), offsets: Int32Array.of(0, 2) })).toThrow(
      'expected failed.length to be the last offset 2, received 1',
    );
  });
});
