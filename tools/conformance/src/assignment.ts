import { bestAssignment } from '@parl-mt/rl';
import { type FixtureCase, matrixOf, numberOf } from './fixture.js';
import type { FixtureFile } from './report.js';
import { compared, compareNumber, exact, float64, throws, type Verdict } from './verdict.js';

export const assignmentValues: FixtureFile = { file: 'assignment.jsonl', judge };

/** Only the value: several optimal assignments may exist. */
function judge({ options, inputs, outputs }: FixtureCase): Verdict {
  const sign = options['maximize'] === true ? 1 : -1;
  const scores = matrixOf(inputs['scores']).map((row) => row.map((score) => sign * score));
  if (outputs['error'] !== undefined) return compared(throws('refused', () => bestAssignment(scores), 'expected'));
  const columns = bestAssignment(scores);
  const value = columns.reduce((sum, column, row) => sum + (column < 0 ? 0 : sign * scores[row]![column]!), 0);
  const pairs = columns.filter((column) => column >= 0);
  return compared(
    compareNumber('value', value, numberOf(outputs['value']), float64),
    compareNumber('pairs', pairs.length, numberOf(outputs['pairs']), exact),
    compareNumber('columns used twice', pairs.length - new Set(pairs).size, 0, exact),
  );
}
