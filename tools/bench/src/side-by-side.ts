import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The works that the engine is judged by, and the kit's measurements of the machine; parts of names. */
export const JUDGED_WORKS = [
  'limit_',
  'logprob_fwd/4096x2048',
  'logprob_fwdbwd/4096x2048',
  'entropy_fwd/4096x2048',
  'entropy_fwdbwd/4096x2048',
  'hidden_logprob',
  'grpo/',
  'rloo/',
  'gae/',
  'policy_loss',
  'lcs/',
  'ngram3',
  'minhash',
  'gpt_train',
  'gpt_logprob',
  'gpt_sample/tiny',
  'trl_grpo',
  'trl_sft',
];

export interface SideBySideOptions {
  /** Folder of the side-by-side kit, with compare.py. */
  readonly kit: string;
  /** NAME=COMMAND of each peer; the kit appends --only, --threads and --budget. */
  readonly peers: readonly string[];
  readonly works: readonly string[];
  readonly rounds: number;
  readonly threads: number;
  readonly budgetSeconds: number;
  /** Records are appended to this file. */
  readonly out: string;
  /** GGUF file of SmolLM2, for the works on it. */
  readonly smollm2?: string | undefined;
  /** Further arguments of compare.py, such as --by cpu. */
  readonly rest: readonly string[];
}

/**
 * What runs ours and the peers by turns, work by work.
 * @throws {TypeError} when the kit is not where it is said to be, or a peer has no name.
 */
export function sideBySideCommand(options: SideBySideOptions): string[] {
  const compare = join(options.kit, 'compare.py');
  if (!existsSync(compare))
    throw new TypeError(`expected --kit to be the folder of compare.py, received ${options.kit}`);
  for (const peer of options.peers) {
    if (!/^\w[\w.-]*=./.test(peer)) throw new TypeError(`expected --peers to be NAME=COMMAND, received ${peer}`);
  }
  const program = [process.execPath, fileURLToPath(new URL('./main.js', import.meta.url))];
  const words = options.smollm2 === undefined ? program : [...program, '--smollm2', options.smollm2];
  const ours = `ours=${words.map(quoted).join(' ')}`;
  return [
    'python3',
    compare,
    ...['--rounds', String(options.rounds)],
    ...['--threads', String(options.threads)],
    ...['--budget', String(options.budgetSeconds)],
    ...['--works', options.works.join(',')],
    ...['--out', options.out],
    ...options.peers.flatMap((peer) => ['--cmd', peer]),
    ...['--cmd', ours],
    ...options.rest,
  ];
}

/** Runs it with this process's output. @returns its exit status. */
export function runSideBySide(options: SideBySideOptions): Promise<number> {
  const [command, ...args] = sideBySideCommand(options) as [string, ...string[]];
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit' });
    child.on('error', (error) => reject(new TypeError(`expected ${command} to start: ${error.message}`)));
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

/** A word for the shell rules by which the kit splits a command. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", `'"'"'`)}'`;
}
