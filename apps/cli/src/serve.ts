import type { ServerConfig } from '@parl-mt/schema';
import type { CliHost } from './host.js';
import { cliVersion } from './info.js';
import { listenForInterrupt } from './interrupt.js';
import { runSpawner } from './spawn-run.js';

/**
 * Serves until SIGINT or SIGTERM, then lets the current run save.
 *
 * @returns the exit code, 0: being stopped is how a server ends.
 * @throws {UsageError} for an address or data folder it may not use; a system error when the port is taken.
 */
export async function serve(config: ServerConfig, host: CliHost): Promise<number> {
  // Loaded here: no other command needs the server's packages.
  const { createServer } = await import('@parl-mt/server');
  using interrupt = listenForInterrupt(host);
  await using server = await createServer({
    config,
    spawn: runSpawner(host.entry, host.cwd),
    version: cliVersion(),
    cwd: host.cwd,
    logStream: { write: (line) => void host.stderr.write(line) },
  });
  host.stdout.write(`listening on ${await server.listen()}\n`);
  await interrupt.interrupted;
  return 0;
}
