import { UsageError } from '@parl-mt/schema';
import { BfclEnvironment } from './bfcl/bfcl-environment.js';
import { benchmarkFolder } from './data-home.js';
import type { Environment } from './environment.js';
import { TauBenchEnvironment } from './tau-bench/tau-bench-environment.js';

export interface CreateEnvironmentOptions {
  /** Folder with the tau-bench data. Default: where `parl-mt data tau-bench` keeps it. */
  readonly tauBenchDirectory?: string | undefined;
}

/**
 * A fresh environment of a kind, as `Task.environment` names it.
 *
 * @throws {UsageError} for an unknown kind, listing the known ones.
 */
export function createEnvironment(kind: string, options: CreateEnvironmentOptions = {}): Environment {
  switch (kind) {
    case 'bfcl':
      return new BfclEnvironment();
    case 'tau-bench':
      return new TauBenchEnvironment({ dataDirectory: options.tauBenchDirectory ?? benchmarkFolder('tau-bench') });
    default:
      throw new UsageError(`expected an environment of bfcl, tau-bench, received ${JSON.stringify(kind)}`);
  }
}
