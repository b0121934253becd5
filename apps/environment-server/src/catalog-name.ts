import type { EnvironmentServerConfig } from '@parl-mt/schema';

/** Name of the environment in URLs and handshakes. */
export function catalogName(benchmark: EnvironmentServerConfig['benchmark']): string {
  return `parl-mt-${benchmark}`;
}
