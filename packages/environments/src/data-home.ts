import { homedir } from 'node:os';
import { join } from 'node:path';

/** Benchmarks whose data can be fetched and kept. */
export type BenchmarkName = 'bfcl' | 'tau-bench';

/** What the place depends on; a process's own by default. */
export interface DataHomeContext {
  readonly environment: { readonly [name: string]: string | undefined };
  readonly platform: NodeJS.Platform;
  readonly home: string;
}

/**
 * The folder of fetched benchmark data: `PARL_MT_DATA_HOME`, or `parl-mt` in the user's data directory (`XDG_DATA_HOME`,
 * by default `~/.local/share`; `~/Library/Application Support` on macOS, `LOCALAPPDATA` on Windows).
 */
export function dataHome(context: DataHomeContext = processContext()): string {
  const { environment, platform, home } = context;
  // An empty variable counts as not set, as the XDG specification wants.
  const own = environment.PARL_MT_DATA_HOME;
  if (own) return own;
  const xdg = environment.XDG_DATA_HOME;
  if (xdg) return join(xdg, 'parl-mt');
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'parl-mt');
  if (platform === 'win32') return join(environment.LOCALAPPDATA || join(home, 'AppData', 'Local'), 'parl-mt');
  return join(home, '.local', 'share', 'parl-mt');
}

/** Where the data of one benchmark is kept. */
export function benchmarkFolder(benchmark: BenchmarkName, context?: DataHomeContext): string {
  return join(dataHome(context), benchmark);
}

function processContext(): DataHomeContext {
  return { environment: process.env, platform: process.platform, home: homedir() };
}
