import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The data folder; undefined, with the reason printed, where it is absent. */
export function sharedData(): string | undefined {
  const project = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
  const folder = process.env['PARL_MT_SHARED'] ?? path.resolve(project, '../shared');
  if (existsSync(path.join(folder, 'fixtures/rl'))) return folder;
  console.log(`conformance: skipped, no recorded outputs at ${folder} (set PARL_MT_SHARED)`);
  return undefined;
}
