import { expect, test } from 'vitest';
import { renderConfigReference } from './config-reference.js';

test('docs/config.md is what the schemas say (update it with: npx vitest run -u in apps/cli)', async () => {
  await expect(renderConfigReference()).toMatchFileSnapshot('../../../docs/config.md');
});
