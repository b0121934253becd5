import { spawn } from 'node:child_process';
import type { ProcessEnd, RunSpawner } from '@parl-mt/server';
import { commandWords } from './run-commands.js';

/**
 * Starts runs as processes of this same command, in `--json` mode.
 *
 * @param entry - program and arguments that start the command.
 * @param cwd - working folder of the processes.
 */
export function runSpawner(entry: readonly [string, ...string[]], cwd: string): RunSpawner {
  const [program, ...programArgs] = entry;
  return (kind, configPath) => {
    const args = [...programArgs, ...commandWords(kind), '--config', configPath, '--json'];
    // A process group of its own: Ctrl-C on the server's terminal must not reach the run twice, and SIGKILL must reach
    // whatever the run started.
    const child = spawn(program, args, { cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const ended = new Promise<ProcessEnd>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve({ code, signal }));
    });
    return {
      stdout: child.stdout,
      stderr: child.stderr,
      ended,
      kill(signal) {
        if (signal === 'SIGINT') {
          child.kill(signal);
        } else if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
          process.kill(-child.pid, signal);
        }
      },
    };
  };
}
