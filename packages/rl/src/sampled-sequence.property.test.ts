import fc from 'fast-check';
import { expect, test } from 'vitest';
import { joinSteps, type SampledStep } from './sampled-sequence.js';

function step(promptTokens: number[], completionTokens: number[]): SampledStep {
  return { promptTokens, completionTokens, behaviorLogprobs: completionTokens.map((token) => -token / 8) };
}

const tokens = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 6 });

test('steps that extend each other become one sequence', () => {
  const joined = joinSteps([step([1, 2], [3, 4]), step([1, 2, 3, 4, 5], [6])]);
  expect(joined).toHaveLength(1);
  expect([...joined[0]!.tokens]).toEqual([1, 2, 3, 4, 5, 6]);
  expect([...joined[0]!.lossMask]).toEqual([0, 0, 1, 1, 0, 1]);
});

test('a prompt that lost its oldest message starts a new sequence', () => {
  expect(joinSteps([step([1, 2], [3]), step([2, 3, 9], [4])])).toHaveLength(2);
});

test('every sampled token appears once, under exactly the prefix it was sampled with', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(tokens, tokens, fc.boolean()), { maxLength: 6 }), (parts) => {
      const steps: SampledStep[] = [];
      for (const [prompt, completion, extend] of parts) {
        const last = steps.at(-1);
        const before = extend && last !== undefined ? [...last.promptTokens, ...last.completionTokens] : [];
        steps.push(step([...before, ...prompt], completion));
      }
      const contexts = joinSteps(steps).flatMap((sequence) =>
        [...sequence.tokens].flatMap((token, i) =>
          sequence.lossMask[i] === 1
            ? [`${[...sequence.tokens.slice(0, i)]}>${token}@${sequence.behaviorLogprobs[i]}`]
            : [],
        ),
      );
      const expected = steps.flatMap((s) =>
        s.completionTokens.map(
          (token, i) => `${[...s.promptTokens, ...s.completionTokens.slice(0, i)]}>${token}@${s.behaviorLogprobs[i]}`,
        ),
      );
      expect(contexts).toEqual(expected);
    }),
  );
});
