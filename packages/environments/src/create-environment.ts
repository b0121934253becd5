import { UsageError } from '@parl-mt/schema';
import { BfclEnvironment } from './bfcl/bfcl-environment.js';
import type { Environment } from './environment.js';

/**
 * A fresh environment of a kind, as `Task.environment` names it.
 *
 * @throws {UsageError} for an unknown kind, listing the known ones.
 */
export function createEnvironment(kind: string): Environment {
  switch (kind) {
    case 'bfcl':
      return new BfclEnvironment();
    default:
      throw new UsageError(`expected an environment of bfcl, received ${JSON.stringify(kind)}`);
  }
}
