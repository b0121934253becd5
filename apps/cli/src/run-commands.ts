import type { RunKind } from '@parl-mt/schema';

/** A command that runs a job: where it stands, and examples for its help. */
export interface RunCommand {
  readonly kind: RunKind;
  /** Words after `parl-mt`. */
  readonly words: readonly string[];
  readonly examples: readonly string[];
}

export const RUN_COMMANDS: readonly RunCommand[] = [
  {
    kind: 'demo',
    words: ['demo'],
    examples: ['parl-mt demo', 'parl-mt demo --out runs/small --pag.synthesis.tasks 60 --sft.token-budget 100000'],
  },
  {
    kind: 'pag',
    words: ['pag', 'build'],
    examples: ['parl-mt pag build --out runs/pag', 'parl-mt pag build --pag.synthesis.tasks 2000 --seed 7'],
  },
  {
    kind: 'sft',
    words: ['sft'],
    examples: ['parl-mt sft --dataset runs/pag --out runs/sft', 'parl-mt sft --dataset runs/pag --config sft.json'],
  },
  {
    kind: 'train',
    words: ['train'],
    examples: [
      'parl-mt train --init runs/sft --out runs/train',
      'parl-mt train --init runs/sft --rl.context.mode history --set rl.optimizer.learningRate=1e-4',
    ],
  },
  {
    kind: 'evaluate',
    words: ['eval'],
    examples: [
      'parl-mt eval --policy.kind checkpoint --policy.path runs/train --out runs/eval',
      'parl-mt eval --policy.kind ground-truth --benchmark bfcl --categories base --bfcl bfcl_eval/data',
      'parl-mt eval --policy.kind endpoint --policy.model gpt-4o --benchmark tau-bench --tau-bench.trials 4',
    ],
  },
];

/** Words after `parl-mt` that run a kind. */
export function commandWords(kind: RunKind): readonly string[] {
  return RUN_COMMANDS.find((command) => command.kind === kind)!.words;
}
