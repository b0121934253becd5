import type { Segment } from '@parl-mt/chat';
import type { TrainingExample } from '@parl-mt/pag';
import { joinSteps } from './sampled-sequence.js';
import type { SftExample } from './sft-trainer.js';

/**
 * Token sequences of training examples. Consecutive examples of one task whose prompts continue each other become one
 * sequence, as in RL: with plain histories a whole task is one sequence, and nothing is trained on twice.
 */
export function sftExamples(
  examples: readonly TrainingExample[],
  encode: (segments: readonly Segment[]) => readonly number[],
): SftExample[] {
  const byTask = new Map<string, TrainingExample[]>();
  for (const example of examples) {
    const known = byTask.get(example.taskId);
    if (known === undefined) byTask.set(example.taskId, [example]);
    else known.push(example);
  }
  return [...byTask.values()].flatMap((steps) =>
    joinSteps(
      steps.map(({ prompt, completion }) => {
        const completionTokens = [...encode(completion)];
        return { promptTokens: encode(prompt), completionTokens, behaviorLogprobs: completionTokens.map(() => 0) };
      }),
    ).map(({ tokens, lossMask }) => ({ tokens, lossMask })),
  );
}
