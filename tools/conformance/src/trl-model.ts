import type { FixtureCase, Fixtures } from './fixture.js';
import type { FixtureFile } from './report.js';
import { leftOut } from './verdict.js';

/** The first line of the file holds the model's configuration; every other one is a case. */
function modelCases(fixtures: Fixtures): readonly FixtureCase[] {
  return fixtures.lines('trl-model.jsonl').filter((line) => line['name'] !== undefined) as unknown as FixtureCase[];
}

/** TRL's loss through a whole decoder: the losses have files of their own, the decoder and its gradients are not compared yet. */
export const trlModel: FixtureFile = {
  file: 'trl-model.jsonl',
  cases: modelCases,
  judge: () => leftOut('the comparison of a whole decoder, weights to gradients, is not built yet'),
};
