/**
 * Environments served to other trainers and agents: OpenEnv over HTTP and WebSocket, and MCP over stdio and HTTP.
 *
 * @example
 * import { createEnvironmentServer } from '@parl-mt/environment-server';
 * import { environmentServerConfigSchema, parseClosed } from '@parl-mt/schema';
 * const config = parseClosed(environmentServerConfigSchema, { synthesis: { tasks: 10 } }, 'options');
 * await using server = await createEnvironmentServer({ config, version: '1.0.0', cwd: '.' });
 * const { body } = await server.app.inject({ method: 'POST', url: '/reset' });
 * console.log(JSON.parse(body).observation.messages[0].role); // user
 */
export {
  createEnvironmentServer,
  type EnvironmentServer,
  type EnvironmentServerOptions,
} from './create-environment-server.js';
