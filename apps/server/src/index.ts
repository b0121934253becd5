/**
 * The HTTP server: runs in child processes, their events and files. It knows no job; its caller says how to start one.
 *
 * @example
 * import { createServer } from '@parl-mt/server';
 * import { parseClosed, serverConfigSchema } from '@parl-mt/schema';
 * const config = parseClosed(serverConfigSchema, {}, 'options');
 * await using server = await createServer({ config, spawn: startMyProcess, version: '1.0.0', cwd: '.' });
 * console.log(await server.listen()); // http://127.0.0.1:8420
 */
export { createServer, type ParlServer, type ServerOptions } from './create-server.js';
export type { ProcessEnd, RunProcess, RunSpawner } from './run-process.js';
export type { QueueTimers } from './run-queue.js';
export type { Run, RunStatus } from './run-resource.js';
