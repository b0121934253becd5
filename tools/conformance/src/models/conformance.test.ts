import { describe, expect, test } from 'vitest';
import { sharedData } from '../shared-data.testing.js';
import { ModelFixtures } from './model-fixtures.js';
import { modelTable, runModelConformance } from './report.js';
import { modelSections } from './sections.js';

const data = sharedData();

describe.skipIf(data === undefined)('recorded outputs of transformers and others', () => {
  test.each(modelSections.map((section) => [section.name, section] as const))(
    '%s match',
    async (_, section) => {
      const report = await runModelConformance(new ModelFixtures(data!), [section], { smollm2: undefined });
      expect(report.isPassing, modelTable(report)).toBe(true);
    },
    300_000,
  );
});
