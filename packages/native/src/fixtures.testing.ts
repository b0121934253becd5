import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** One line of a fixture file, see fixtures/rl/README.md of the shared data folder. */
export interface FixtureCase<Inputs, Outputs> {
  readonly name: string;
  readonly source: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly inputs: Inputs;
  readonly outputs: Outputs;
  readonly fault: boolean;
  readonly internal_float32?: boolean;
}

const repository = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
const shared = process.env['PARL_MT_SHARED'] ?? path.resolve(repository, '../shared');

/** The lines of fixtures/rl/<name>; undefined, with the reason printed, where the shared data folder is absent. */
export function rlFixture<Inputs, Outputs>(name: string): readonly FixtureCase<Inputs, Outputs>[] | undefined {
  const file = path.join(shared, 'fixtures/rl', name);
  if (!existsSync(file)) {
    console.log(`${name}: skipped, no published reference values at ${file} (set PARL_MT_SHARED)`);
    return undefined;
  }
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as FixtureCase<Inputs, Outputs>);
}
