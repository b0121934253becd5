import { expect, test } from 'vitest';
import { runTextFuzz, textFuzzInput } from './text-fuzz.js';

test('mutated templates and tokenizers are rendered, used or refused, and nothing else', () => {
  for (let index = 0; index < 600; index++) {
    expect(runTextFuzz(textFuzzInput(7, index), index, 20_000)).toBeUndefined();
  }
}, 120_000);

test('an index names its input', () => {
  expect(textFuzzInput(1, 5)).toEqual(textFuzzInput(1, 5));
  expect(textFuzzInput(1, 5)).not.toEqual(textFuzzInput(2, 5));
});
