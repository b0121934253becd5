import {
  type CounterGenerator,
  counterBlock,
  counterShapes,
  counterWords,
  normalPair,
  openUnitFloat,
  signedUnitFloat,
  unitDouble,
  unitFloat,
} from '@parl-mt/native';
import { counterBlockReference } from '@parl-mt/native/reference';
import { type FixtureCase, numberOf, vectorOf } from './fixture.js';
import type { FixtureFile } from './report.js';
import { type Comparison, compare, compared, holds, type Tolerance, type Verdict } from './verdict.js';

export const rngCounter: FixtureFile = { file: 'rng-counter.jsonl', judge };

function judge(each: FixtureCase): Verdict {
  if (each.inputs['word'] !== undefined) return judgeUniform(each);
  if (each.inputs['words'] !== undefined) return judgeNormal(each);
  if (each.outputs['words'] !== undefined) return judgeStream(each);
  const generator = each.options['generator'] as CounterGenerator;
  const position = {
    counter: hexadecimal(each.inputs['counter']),
    key: hexadecimal(each.inputs['key']),
    rounds: numberOf(each.options['rounds']),
  };
  const expected = hexadecimal(each.outputs['value']);
  return compared(
    same('block, native', counterBlock(generator, position), expected),
    same('block, reference', counterBlockReference(generator, position), expected),
  );
}

/** Word block i of a stream is the function at counter + 1 + i. */
function judgeStream({ options, inputs, outputs }: FixtureCase): Verdict {
  const generator = options['generator'] as CounterGenerator;
  const { words, keyWords } = counterShapes[generator];
  const limbs = (value: bigint, count: number): bigint[] =>
    Array.from({ length: count }, (_, i) => (value >> BigInt(32 * i)) & 0xffffffffn);
  const expected = hexadecimal(outputs['words']);
  const start = (BigInt(`0x${String(inputs['counter'])}`) + 1n) % (1n << BigInt(32 * words));
  const key = limbs(BigInt(`0x${String(inputs['key'])}`), keyWords);
  const ours = counterWords(generator, { counter: limbs(start, words), key }, expected.length);
  return compared(same('words of the stream', [...ours].map(BigInt), expected));
}

function judgeUniform({ inputs, outputs }: FixtureCase): Verdict {
  const word = Number.parseInt(String(inputs['word']), 16);
  const ours = {
    u01_float: unitFloat(word),
    u01_double: unitDouble(word),
    uneg11_float: signedUnitFloat(word),
    u01fixedpt_float: openUnitFloat(word),
  };
  // Recorded to 9 or 12 digits: exact means that ours, printed alike, is the same.
  const printed: Tolerance = (expected) => Math.abs(expected) * 1e-11;
  return compared(
    ...Object.entries(ours).map(([name, value]) => {
      const expected = numberOf(outputs[name]);
      return name === 'u01_double'
        ? compare(name, [value], [expected], printed)
        : compare(name, [Math.fround(value)], [Math.fround(expected)], () => 0);
    }),
  );
}

function judgeNormal({ inputs, outputs }: FixtureCase): Verdict {
  const [first, second] = hexadecimal(inputs['words']).map(Number);
  return compared(compare('normals', normalPair(first!, second!), vectorOf(outputs['normals']), () => 2e-6));
}

function hexadecimal(words: unknown): bigint[] {
  return (words as readonly string[]).map((word) => BigInt(`0x${word}`));
}

function same(what: string, ours: readonly bigint[], theirs: readonly bigint[]): Comparison {
  return holds(what, ours.length === theirs.length && ours.every((word, i) => word === theirs[i]));
}
