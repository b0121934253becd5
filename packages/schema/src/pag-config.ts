import { z } from 'zod';

/** Synthetic tasks over the built-in classes. */
export const synthesisConfigSchema = z.object({
  tasks: z.number().int().min(1).default(600).describe('Tasks to generate.'),
  seed: z.number().int().min(0).default(1).describe('Everything random in the tasks; same seed, same bytes.'),
  minTurns: z.number().int().min(1).default(3).describe('Fewest turns of a task.'),
  maxTurns: z.number().int().min(1).default(5).describe('Most turns of a task.'),
  maxCallsPerTurn: z.number().int().min(1).default(2).describe('Most ground-truth calls of one turn.'),
  distractorTools: z.number().int().min(0).default(3).describe('Functions offered that the task does not need.'),
  referenceRate: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe(
      'Chance that an argument known from an earlier turn is referred to ("the file you just created") and not repeated.',
    ),
  referenceReach: z
    .number()
    .int()
    .min(1)
    .default(1)
    .describe(
      'Turns after which something is gladly talked about again: sooner is rarer, so references reach further back.',
    ),
  classes: z
    .array(z.string())
    .default(['GorillaFileSystem', 'TwitterAPI', 'MathAPI', 'TicketAPI'])
    .describe('Classes that tasks are drawn from; also MessageAPI, TradingBot, TravelAPI and VehicleControlAPI.'),
  functions: z
    .array(z.string())
    .default([])
    .describe('Functions that ground-truth calls may use; empty: all that the classes have operations for.'),
  names: z
    .number()
    .int()
    .min(40)
    .default(1000)
    .describe('Most file names that all tasks use together, and twice the most folder names.'),
  files: z
    .number()
    .int()
    .min(1)
    .default(2)
    .describe('Most files in the folder that a task starts in; one less is the least.'),
  phrasings: z
    .number()
    .int()
    .min(1)
    .default(100)
    .describe('Most wordings of one wish, of one way to point at a thing, and of the frame around a message.'),
  maxClasses: z.number().int().min(1).max(8).default(3).describe('Most classes of one task.'),
  categories: z
    .array(z.enum(['base', 'miss_param', 'miss_func', 'long_context']))
    .default(['base'])
    .describe(
      'Categories, in equal shares: base; miss_param, a turn leaves out what a function needs and the next one says it; ' +
        'miss_func, a needed function is revealed a turn late; long_context, scenarios and results are long.',
    ),
});
export type SynthesisConfig = z.infer<typeof synthesisConfigSchema>;

/** The gate that samples a policy; off by default, since it writes `samples` completions for every call of the data set. */
export const samplingGateConfigSchema = z.object({
  samples: z
    .number()
    .int()
    .min(0)
    .default(0)
    .describe(
      'Completions written per record from its awareness alone, where a judge policy is given; 0: no such gate.',
    ),
  minMatchRate: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe('Least share of them that must have the effect of the target, executed in a copy of the world.'),
  temperature: z.number().min(0).default(1).describe('Softmax temperature of the samples.'),
  maxNewTokens: z.number().int().min(1).default(128).describe('Longest sample; one that is cut off does not match.'),
});
export type SamplingGateConfig = z.infer<typeof samplingGateConfigSchema>;

/** The PAG pipeline: synthesise, annotate, verify, export. */
export const pagConfigSchema = z.object({
  synthesis: synthesisConfigSchema.prefault({}),
  faultRate: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe('Chance that a call of a demonstration fails in transit and is made again.'),
  maxSummaryCharacters: z.number().int().min(1).default(600).describe('Longer summaries fail the format gate.'),
  maxPlanCharacters: z.number().int().min(1).default(400).describe('Longer plans fail the format gate.'),
  minLogprobGain: z
    .number()
    .default(0)
    .describe('Least log-prob gain in nats per token of the call, where a judge policy is given.'),
  sampling: samplingGateConfigSchema.prefault({}).describe('Model-aware verification by sampling.'),
  validationFraction: z.number().min(0).max(0.5).default(0.05).describe('Share of tasks (never of records) held out.'),
});
export type PagConfig = z.infer<typeof pagConfigSchema>;
