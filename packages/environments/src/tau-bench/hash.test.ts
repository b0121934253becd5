import { expect, test } from 'vitest';
import { readJson } from '../bfcl/python/json-reader.js';
import { dataHash, hashableText } from './hash.js';

// Printed and hashed by CPython 3.11: str of nested tuples, hashlib.sha256 of its UTF-8.
const vectors: [string, string, string][] = [
  [
    '{"b": [1, 1.0, -0.0], "a": {"x": null, "y": true}}',
    "(('a', (('x', None), ('y', True))), ('b', (1, 1.0, -0.0)))",
    '113291d6b0ba815ab8b6c9b7e410ad8d2839ba8c9148659adc261669c804aef4',
  ],
  ['{"a": []}', "(('a', ()),)", 'fc8aafc6185b1babf702428715806293e6bbeccf5a3ab990828fa81e366a26c1'],
  ['["it\'s", "\\""]', `("it's", '"')`, 'a339e5412c58f84d6e4df8a2079475b4200262209ff9e3993861be21209a496b'],
  [
    '{"\\uffff": 1, "\\ud83d\\ude00": 1e-5}',
    "(('\\uffff', 1), ('😀', 1e-05))",
    '2a5f3d167d0fb6bbfd478f6bcf675a1bea4abd43f42c62ab4a7a0bc088d1c178',
  ],
  [
    '{"k": "\\u00a0\\u200b\\ue000\\u00e9"}',
    "(('k', '\\xa0\\u200b\\ue000é'),)",
    '71917b25de41acb1fe9881d5e35221ab4f1cc9dc8609d4b6111cc1c3db73df56',
  ],
];

test.each(vectors)('%s prints and hashes as in Python', (json, text, hash) => {
  expect(hashableText(readJson(json))).toBe(text);
  expect(dataHash(readJson(json))).toBe(hash);
});
