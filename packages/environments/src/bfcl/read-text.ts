import { existsSync, readFileSync } from 'node:fs';
import { UsageError } from '@parl-mt/schema';

/** @throws {UsageError} when there is no such file. */
export function readText(file: string): string {
  if (!existsSync(file)) throw new UsageError(`expected a file at ${file}, received none`);
  return readFileSync(file, 'utf8');
}
