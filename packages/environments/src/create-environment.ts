import { type McpServerConfig, UsageError } from '@parl-mt/schema';
import { BfclEnvironment } from './bfcl/bfcl-environment.js';
import { benchmarkFolder } from './data-home.js';
import type { Environment } from './environment.js';
import { McpEnvironment } from './mcp/mcp-environment.js';
import { TauBenchEnvironment } from './tau-bench/tau-bench-environment.js';

/** What some kinds of environments need besides a task. Never taken from a task: tasks are data, and may be foreign. */
export interface CreateEnvironmentOptions {
  /** Folder with the tau-bench data. Default: where `parl-mt data tau-bench` keeps it. */
  readonly tauBenchDirectory?: string | undefined;
  /** The server of kind "mcp". */
  readonly mcp?: McpServerConfig | undefined;
}

/**
 * A fresh environment of a kind, as `Task.environment` names it.
 *
 * @throws {UsageError} for an unknown kind, listing the known ones, and for a kind whose option is missing.
 */
export function createEnvironment(kind: string, options: CreateEnvironmentOptions = {}): Environment {
  switch (kind) {
    case 'bfcl':
      return new BfclEnvironment();
    case 'tau-bench':
      return new TauBenchEnvironment({ dataDirectory: options.tauBenchDirectory ?? benchmarkFolder('tau-bench') });
    case 'mcp':
      if (options.mcp === undefined) throw new UsageError('expected the option mcp for an environment of kind mcp');
      return new McpEnvironment(options.mcp);
    default:
      throw new UsageError(`expected an environment of bfcl, tau-bench, mcp, received ${JSON.stringify(kind)}`);
  }
}
