import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { McpStdioConfig } from '@parl-mt/schema';
import type { StdioServer } from './stdio-transport.js';

const PLACEHOLDER = /\{(workspace|seed)\}/g;

/** A server as one episode starts it, with the folder that is its own. */
export interface EpisodeServer {
  readonly server: StdioServer;
  /** Removes the folder of the episode. */
  dispose(): Promise<void>;
}

/**
 * Fills the placeholders of a server's configuration. A folder is made where {workspace} occurs or a template is given.
 *
 * @throws a system error when the template cannot be copied; nothing is left behind then.
 */
export async function episodeServer(config: McpStdioConfig, seed: number): Promise<EpisodeServer> {
  const { command, args, env, cwd, workspace: template } = config;
  const usesFolder = template !== undefined || JSON.stringify([args, env, cwd]).includes('{workspace}');
  const folder = usesFolder ? await mkdtemp(join(tmpdir(), 'parl-mt-episode-')) : '';
  const dispose = async () => {
    if (usesFolder) await rm(folder, { recursive: true, force: true });
  };
  try {
    if (template !== undefined) await cp(template, folder, { recursive: true, verbatimSymlinks: true });
  } catch (error) {
    await dispose();
    throw error;
  }
  const values = { workspace: folder, seed: String(seed) };
  const fill = (text: string) => text.replace(PLACEHOLDER, (_, name: keyof typeof values) => values[name]);
  return {
    server: {
      command,
      args: args.map(fill),
      env: Object.fromEntries(Object.entries(env).map(([name, value]) => [name, fill(value)])),
      cwd: cwd === undefined ? undefined : fill(cwd),
    },
    dispose,
  };
}
