import { SPECIAL_TOKENS } from '@parl-mt/chat';
import { synthesizeTasks } from '@parl-mt/environments';
import { Sampler } from '@parl-mt/native';
import { Decoder, SegmentCodec, Tokenizer, trainBpe } from '@parl-mt/policy';
import { contextConfigSchema, decoderConfigSchema, synthesisConfigSchema } from '@parl-mt/schema';
import { selectBackend } from '@parl-mt/tfjs-backend';
import { expect, test, vi } from 'vitest';
import { DecoderModel } from './decoder-model.js';
import { runRollouts } from './rollout.js';

const GROUP = 4;
const tokenizer = new Tokenizer(trainBpe(['<summary> a b'], { vocabSize: SPECIAL_TOKENS.length + 256 }));
const model = decoderConfigSchema.parse({
  vocabSize: tokenizer.vocabSize,
  hiddenSize: 16,
  numLayers: 1,
  numHeads: 2,
  numKvHeads: 2,
  intermediateSize: 16,
});
const task = synthesizeTasks(
  synthesisConfigSchema.parse({ tasks: 12, maxTurns: 3, maxCallsPerTurn: 1, classes: ['GorillaFileSystem'] }),
)
  .map((each) => each.task)
  .find(({ turns }) => turns.length === 3)!;

test('rollouts of a group prefill its prompt once, and of each later turn what is new only', async () => {
  await selectBackend('parl');
  const generate = vi.spyOn(Sampler.prototype, 'generate');
  const context = contextConfigSchema.parse({ mode: 'history', maxContextTokens: 4000, maxNewTokens: 24 });
  using rollouts = new DecoderModel(Decoder.create(model, 1), new SegmentCodec(tokenizer), context);
  const trajectories = await runRollouts(
    rollouts,
    Array.from({ length: GROUP }, (_, seed) => ({ task, groupId: 0, seed })),
    { context, stepLimit: 2, temperature: 1 },
  );
  const { computed, reused, preemptions } = (generate.mock.contexts[0] as Sampler).promptTokens();
  generate.mockRestore();

  let [prompts, fresh] = [0, trajectories[0]!.steps[0]!.promptTokens.length];
  for (const { steps } of trajectories) {
    // An untrained decoder writes no calls: each of its texts ends a turn.
    expect(steps).toHaveLength(3);
    for (const [i, { promptTokens }] of steps.entries()) {
      prompts += promptTokens.length;
      if (i === 0) continue;
      const before = [...steps[i - 1]!.promptTokens, ...steps[i - 1]!.completionTokens];
      expect(promptTokens.slice(0, before.length)).toEqual(before);
      // The last token that was drawn has no keys and values yet.
      fresh += promptTokens.length - (before.length - 1);
    }
  }
  expect({ computed, reused, preemptions }).toEqual({ computed: fresh, reused: prompts - fresh, preemptions: 0 });
  expect(reused).toBeGreaterThan(4 * computed);
});
