import type { EnvironmentServerConfig } from '@parl-mt/schema';
import type { CliHost } from './host.js';
import { cliVersion } from './info.js';
import { listenForInterrupt } from './interrupt.js';

/** Examples for the help of `env serve`. */
export const ENV_SERVE_EXAMPLES: readonly string[] = [
  'parl-mt env serve',
  'parl-mt env serve --benchmark bfcl --bfcl bfcl_eval/data --categories base,miss_param --port 9000',
  'parl-mt env serve --benchmark mcp --mcp.transport stdio --mcp.command npx --mcp.args=-y,SERVER,{workspace}',
  'parl-mt env serve --protocol mcp --transport stdio',
];

/**
 * Serves environments until SIGINT or SIGTERM; over stdio also until the input ends.
 *
 * @returns the exit code, 0: being stopped is how a server ends.
 * @throws {UsageError | ConfigError} for an address it may not use, or data that is missing; a system error when the port
 *   is taken.
 */
export async function serveEnvironments(config: EnvironmentServerConfig, host: CliHost): Promise<number> {
  const log = (line: string) => void host.stderr.write(line);
  const options = { config, version: cliVersion(), cwd: host.cwd };
  using interrupt = listenForInterrupt(host);
  if (config.transport === 'stdio') {
    const { serveMcpStdio } = await import('@parl-mt/environment-server/stdio');
    await serveMcpStdio({ ...options, input: host.stdin, output: host.stdout, log, signal: interrupt.signal });
    return 0;
  }
  // Loaded here: no other command needs the server's packages.
  const { createEnvironmentServer } = await import('@parl-mt/environment-server');
  await using server = await createEnvironmentServer({ ...options, logStream: { write: log } });
  const { splits, name } = server.catalog;
  const tasks = splits.map((split) => `${split.name} ${split.tasks.length}`).join(', ');
  const address = await server.listen();
  host.stdout.write(`listening on ${address}${config.protocol === 'mcp' ? '/mcp' : ''}: ${name}, tasks: ${tasks}\n`);
  await interrupt.interrupted;
  return 0;
}
