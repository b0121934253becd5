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
      expect(
        report.rows.filter(({ ratio }) => !(ratio <= 1)),
        modelTable(report),
      ).toEqual([]);
      // A section whose model is not at hand says so.
      expect(report.rows.length + report.leftOut.length).toBeGreaterThan(0);
    },
    300_000,
  );
});
