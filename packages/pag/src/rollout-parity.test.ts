import {
  type ContextMessage,
  ConversationContext,
  GENERATION_PROMPT,
  parseCompletion,
  segmentsToText,
} from '@parl-mt/chat';
import { BfclEnvironment, synthesizeTasks } from '@parl-mt/environments';
import { type ContextMode, pagConfigSchema } from '@parl-mt/schema';
import { expect, test } from 'vitest';
import { describeDecision } from './annotate.js';
import { targetSteps } from './episode-messages.js';
import { trainingExamples } from './sequences.js';
import { verifyTask } from './verify/verify-task.js';

const config = pagConfigSchema.parse({ synthesis: { tasks: 12, seed: 5 } });
const labels = { provenance: { generator: 'test', promptHash: 'h', seed: 5 }, split: 'train' } as const;
const budget = {
  maxPromptTokens: 700,
  countTokens: (messages: readonly ContextMessage[]) =>
    segmentsToText([...messages.flatMap(({ segments }) => segments), ...GENERATION_PROMPT]).length,
};

/** A policy that writes the completions of the examples, played in the real environment. */
test.each<ContextMode>(['awareness', 'awareness+turn', 'history', 'history+awareness'])(
  'in %s mode a rollout of the learned completions sees the prompts that it was trained on',
  (mode) => {
    for (const source of synthesizeTasks(config.synthesis)) {
      const candidates = targetSteps(source).map(({ turn, step }) => [describeDecision({ source, turn, step })]);
      const records = verifyTask(source, candidates, config, labels).map(({ record }) => record);
      const { examples } = trainingExamples(records, mode, budget);
      expect(examples).toHaveLength(records.length);

      const environment = new BfclEnvironment();
      environment.reset(source.task, 1);
      const context = new ConversationContext(source.task.tools, mode);
      let turn = -1;
      for (const example of examples) {
        if (example.turn > turn) {
          turn = example.turn;
          context.beginTurn(source.task.turns[turn]?.messages.map(({ content }) => content) ?? []);
        }
        const prompt = context.renderPrompt(budget);
        expect(prompt.ok && segmentsToText(prompt.segments)).toBe(
          segmentsToText([...example.messages.flatMap(({ segments }) => segments), ...GENERATION_PROMPT]),
        );
        const parsed = parseCompletion(example.completion, { awareness: mode !== 'history' });
        expect(parsed.formatError).toBeUndefined();
        const results = parsed.calls.map((call) => environment.call(call));
        expect(results.some(({ isError }) => isError)).toBe(false);
        context.addStep({ ...parsed, results: results.map(({ content }) => content), completion: example.completion });
      }
    }
  },
);
