import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openFile } from './run-files.js';
import { testFolder } from './server.testing.js';

test('whatever the path, what opens is a file of the folder itself', async () => {
  using folder = testFolder();
  const root = join(folder.path, 'root');
  mkdirSync(join(root, 'a/b'), { recursive: true });
  writeFileSync(join(folder.path, 'f'), 'outside');
  for (const inside of ['f', 'a/f', 'a/b/f']) {
    writeFileSync(join(root, inside), 'inside');
  }
  symlinkSync('..', join(root, 'up'));
  symlinkSync('../..', join(root, 'a/up'));
  symlinkSync('../f', join(root, 'link'));
  symlinkSync('loop', join(root, 'loop'));
  const segment = fc.constantFrom(
    'a',
    'b',
    'f',
    'up',
    'link',
    'loop',
    '..',
    '.',
    '',
    '\\',
    '..\\f',
    '\0',
    '%2e%2e',
    '~',
  );
  let opened = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(segment, { minLength: 1, maxLength: 6 }), async (segments) => {
      const path = segments.join('/');
      try {
        const { handle } = await openFile(root, path);
        await using _closed = handle;
        opened++;
        expect(await handle.readFile('utf8')).toBe('inside');
        expect(['f', 'a/f', 'a/b/f']).toContain(path);
      } catch (error) {
        expect(error).toMatchObject({ statusCode: 404, code: 'NOT_FOUND' });
        expect(['f', 'a/f', 'a/b/f']).not.toContain(path);
      }
    }),
    { numRuns: 500, examples: [[['f']], [['a', 'f']], [['a', 'b', 'f']], [['up', 'f']], [['a', 'up', 'f']]] },
  );
  expect(opened).toBeGreaterThanOrEqual(3);
});
