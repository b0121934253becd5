import { expect, test } from 'vitest';
import { measureTexts } from './report.js';

test('items without spaces have as many words as they have names and values', () => {
  expect(measureTexts(['in:docs;create_ticket=3', 'Open it.'])).toEqual({
    meanWords: 3,
    maxWords: 4,
    meanCharacters: 15.5,
    maxCharacters: 23,
  });
  expect(measureTexts(['none'])).toMatchObject({ meanWords: 1, maxWords: 1 });
});
