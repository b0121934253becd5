import { z } from 'zod';
import { awarenessSchema, toolCallSchema } from './message.js';

/**
 * What went wrong with a call.
 * - `invalid_arguments`, `unknown_tool`: the call itself; `tool_error`: the tool ran and reported a failure.
 * - `exception`: the environment failed inside; `call_deadline`, `episode_deadline`: no answer in time;
 *   `output_limit`: the answer was too long and is cut; `invalid_result`: the answer is no tool result;
 *   `connection`: the tool server is gone.
 */
export const toolErrorCauseSchema = z.enum([
  'invalid_arguments',
  'unknown_tool',
  'tool_error',
  'exception',
  'call_deadline',
  'episode_deadline',
  'output_limit',
  'invalid_result',
  'connection',
  'unavailable',
]);
export type ToolErrorCause = z.infer<typeof toolErrorCauseSchema>;

/** What came back from a tool. An error result is data that the policy sees, never a crashed run. */
export const toolResultSchema = z.object({
  content: z.string().describe('Text that the policy sees.'),
  isError: z.boolean(),
  fault: z
    .enum(['policy', 'environment'])
    .optional()
    .describe('Who is to blame for an error: the call itself, or the tool behind it (hang, crash, garbage).'),
  cause: toolErrorCauseSchema.optional().describe('What went wrong; absent where the environment does not say.'),
  detail: z.string().optional().describe('More of the cause, for people: never shown to the policy.'),
});
export type ToolResult = z.infer<typeof toolResultSchema>;

/** Parts of a trajectory's reward, each in [0, 1], and their weighted total. */
export const rewardPartsSchema = z.object({
  format: z.number().describe('Share of steps that parse and validate.'),
  correctness: z.number().describe('Mean over turns with ground truth of the best one-to-one match of calls.'),
  success: z
    .number()
    .describe('Share of turns passed before the first failure; 1 if the checker accepts the whole task.'),
  redundancy: z.number().describe('Mean of call redundancy and context redundancy (a penalty).'),
  total: z.number(),
});
export type RewardParts = z.infer<typeof rewardPartsSchema>;

/** One policy output inside a turn, with the results of its calls. */
export const stepSchema = z.object({
  turn: z.number().int().min(0),
  promptTokens: z.array(z.number().int()).describe('Token ids the policy saw.'),
  completionTokens: z
    .array(z.number().int())
    .describe('Token ids as generated, stop token included; never re-encoded.'),
  behaviorLogprobs: z
    .array(z.number())
    .describe('Natural log, one per completion token, of the distribution sampled from.'),
  text: z.string().describe('Completion as text, for people.'),
  awareness: awarenessSchema.optional(),
  calls: z.array(toolCallSchema),
  callTexts: z.array(z.string()).describe('The calls as executed, Python call texts.'),
  results: z.array(toolResultSchema),
  stateBefore: z.array(z.string()).describe('Environment digest before each call, parallel to calls.'),
  stateAfter: z.string().describe('Environment digest after the last call of the step.'),
  message: z.string().optional().describe('Final message: ends the turn.'),
  formatError: z.string().optional().describe('Why the completion could not be parsed; absent when it could.'),
});
export type Step = z.infer<typeof stepSchema>;

export const stopReasonSchema = z.enum([
  'completed',
  'step_limit',
  'format_error',
  'context_overflow',
  'environment_error',
  'cancelled',
]);
export type StopReason = z.infer<typeof stopReasonSchema>;

/** All steps of one episode with their tokens. */
export const trajectorySchema = z.object({
  taskId: z.string(),
  groupId: z.number().int(),
  seed: z.number().int(),
  steps: z.array(stepSchema),
  reward: rewardPartsSchema.optional().describe('Absent until scored.'),
  valid: z.boolean().optional().describe('Verdict of the benchmark checker.'),
  failure: z.string().optional().describe('Why the checker refused, or the environment fault.'),
  verdict: z
    .object({
      valid: z
        .boolean()
        .nullable()
        .describe('Whether the benchmark accepts the episode; null where it could not judge.'),
      reward: z.number().describe('In [0, 1], as the benchmark defines it.'),
      details: z.record(z.string(), z.unknown()),
    })
    .optional()
    .describe('Where the environment itself judges (tau-bench): what it said when the episode ended.'),
  userMessages: z
    .array(z.string())
    .optional()
    .describe('What a user who decides as the conversation goes said, one text per turn.'),
  stopReason: stopReasonSchema,
  usage: z.object({
    promptTokens: z.number().int(),
    completionTokens: z.number().int(),
    calls: z.number().int(),
    seconds: z.number(),
  }),
});
export type Trajectory = z.infer<typeof trajectorySchema>;
