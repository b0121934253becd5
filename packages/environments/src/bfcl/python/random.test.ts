import { expect, test } from 'vitest';
import { GraphCopier } from './graph.js';
import { PyRandom, pyRandom } from './random.js';

// Expected values were printed by CPython 3.11.

test('floats and ints are those of CPython for the seeds of the classes', () => {
  const random = new PyRandom(141053n);
  expect([random.uniform(-10, 40), random.uniform(0, 120)]).toEqual([36.63485703790535, 99.11925428879405]);
  const ids = new PyRandom(141053n);
  const ranges = [
    [100000n, 999999n],
    [100000000000n, 999999999999n],
    [10000n, 99999n],
    [1000000n, 9999999n],
    [10000000n, 99999999n],
    [100000000n, 999999999n],
  ] as const;
  expect(ranges.map(([low, high]) => ids.randint(low, high))).toEqual([
    251675n,
    391310425148n,
    58617n,
    4191922n,
    56121276n,
    789652479n,
  ]);
});

test('any seed that Python takes gives Python’s sequence', () => {
  const seeds = [
    ['abc', 809526n, 0.7720246314157545],
    [2.5, 439117n, 0.41877545666909954],
    [-7n, 339563n, 0.32383276483316237],
    [true, 140891n, 0.13436424411240122],
    [1e300, 274112n, 0.2614143642581235],
    [Number.POSITIVE_INFINITY, 201708n, 0.19236379321481523],
    [2n ** 70n, 244096n, 0.2327882718301838],
  ] as const;
  for (const [seed, integer, float] of seeds) {
    expect(pyRandom(seed, 1n).randint(0n, 10n ** 6n)).toBe(integer);
    expect(pyRandom(seed, 1n).uniform(0, 1)).toBe(float);
  }
  expect(() => pyRandom([], 1n)).toThrow("unhashable type: 'list'");
});

test('a copy goes on where its source stands, on its own', () => {
  const random = new PyRandom(5n);
  for (let draw = 0; draw < 1000; draw++) random.uniform(0, 1);
  const copy = new GraphCopier().copy(random);
  const next = random.uniform(0, 1);
  random.uniform(0, 1);
  expect(copy.uniform(0, 1)).toBe(next);
});
