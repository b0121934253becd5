import type { TrainingExample } from '@parl-mt/pag';
import type { ConversationCodec } from '@parl-mt/policy';
import { joinSteps } from './sampled-sequence.js';
import type { SftExample } from './sft-trainer.js';

/**
 * Token sequences of training examples. Consecutive examples of one task whose prompts continue each other become one
 * sequence, as in RL: with plain histories a whole task is one sequence, and nothing is trained on twice.
 */
export function sftExamples(
  examples: readonly TrainingExample[],
  codec: Pick<ConversationCodec, 'encodePrompt' | 'encodeCompletion'>,
): SftExample[] {
  const byTask = new Map<string, TrainingExample[]>();
  for (const example of examples) {
    const known = byTask.get(example.taskId);
    if (known === undefined) byTask.set(example.taskId, [example]);
    else known.push(example);
  }
  return [...byTask.values()].flatMap((steps) =>
    joinSteps(
      steps.map(({ messages, completion }) => {
        const completionTokens = codec.encodeCompletion(completion);
        return {
          promptTokens: codec.encodePrompt(messages),
          completionTokens,
          behaviorLogprobs: completionTokens.map(() => 0),
        };
      }),
    ).map(({ tokens, lossMask }) => ({ tokens, lossMask })),
  );
}
