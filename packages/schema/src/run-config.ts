import { z } from 'zod';
import { closeSchema } from './closed-schema.js';
import { endpointConfigSchema } from './endpoint-config.js';
import { ConfigError } from './errors.js';
import { evaluationConfigSchema } from './evaluation-config.js';
import { loraConfigSchema } from './lora-config.js';
import {
  backendNameSchema,
  decoderConfigSchema,
  memoryShortageSchema,
  pretrainedConfigSchema,
  tuningSchema,
} from './model-config.js';
import { pagConfigSchema, synthesisConfigSchema } from './pag-config.js';
import { type RlLossOptions, rlLossProblems } from './policy-loss-config.js';
import { tauBenchConfigSchema } from './tau-bench-config.js';
import { rlConfigSchema, sftConfigSchema } from './training-config.js';

/**
 * Marks for the shells: `x-flag` names the command-line flag where it is not derived from the key, and `x-input` says
 * that the text is a path that must exist before the run starts; a model may also be a name of the hub.
 */
const inputPath = (description: string) => z.string().min(1).meta({ description, 'x-input': 'path' });
const MODEL_SOURCES =
  'a folder that "sft" or "train" wrote, a Hugging Face folder, a PEFT adapter folder, a .gguf file, or a model of the hub (owner/name or owner/name/FILE.gguf)';
const inputModel = (description: string) =>
  z
    .string()
    .min(1)
    .meta({ description: `${description}: ${MODEL_SOURCES}.`, 'x-input': 'model' });
const outDir = (folder: string) =>
  z
    .string()
    .min(1)
    .default(folder)
    .meta({ description: 'Folder that receives every file of the run; the same folder resumes it.', 'x-flag': 'out' });
const bfclPath = inputPath(
  'Folder of the BFCL multi-turn data (bfcl_eval/data of the bfcl-eval package). Default: where "parl-mt data bfcl" put it.',
)
  .meta({ 'x-flag': 'bfcl' })
  .optional();
const tauBenchPath = inputPath(
  'Folder of the tau-bench data, with airline/ and retail/. Default: where "parl-mt data tau-bench" put it.',
)
  .meta({ 'x-flag': 'tau-bench' })
  .optional();
const backend = backendNameSchema.default('parl');
const pretrained = pretrainedConfigSchema.prefault({});
const memoryShortage = memoryShortageSchema.default('refuse');
const tuning = tuningSchema.default('full').meta({ 'x-flag': 'tuning' });

/** Options of `rl` that do not fit each other. */
function checkRl({ rl }: { readonly rl: RlLossOptions }, context: z.core.$RefinementCtx): void {
  for (const { path, message } of rlLossProblems(rl))
    context.addIssue({ code: 'custom', path: ['rl', ...path], message });
}

/** One seed for the whole run: sections that name their own seed elsewhere derive it from this one. */
const oneSeed = z
  .number()
  .int()
  .min(0)
  .default(1)
  .describe('Everything random in the run derives from it; same seed, same bytes.');

/**
 * Sizes of the demo: what a decoder of 0.9 million parameters, trained from scratch on two cores in minutes, can show. Five to
 * seven turns with one call each that point at things from four turns back, in a context that the history of a task outgrows, and
 * tools that fail in transit, which demonstrations rarely show and rollouts of training often.
 */
const DEMO_SYNTHESIS = {
  tasks: 1200,
  minTurns: 5,
  maxTurns: 7,
  maxCallsPerTurn: 1,
  distractorTools: 2,
  referenceRate: 0.9,
  referenceReach: 4,
  classes: ['GorillaFileSystem'],
  functions: ['cat', 'grep', 'mkdir', 'rm', 'sort', 'touch', 'wc'],
  files: 6,
  phrasings: 2,
  names: 48,
};
const DEMO_DEMONSTRATED_FAULT_RATE = 0.005;
const DEMO_TRAINING_FAULT_RATE = 0.4;
const DEMO_FAULT_RATE = 0.3;
const DEMO_CONTEXT = { maxContextTokens: 224, maxNewTokens: 72 };
const DEMO_MODEL = { numLayers: 4, intermediateSize: 256 };
const DEMO_SFT = {
  context: DEMO_CONTEXT,
  copyingTokenBudget: 500_000,
  tokenBudget: 1_300_000,
  batchTokens: 640,
  optimizer: { learningRate: 1e-3 },
};
const DEMO_RL = {
  context: DEMO_CONTEXT,
  sampling: { temperature: 0.7 },
  sampledTokenBudget: 200_000,
  tasksPerUpdate: 8,
  groupSize: 4,
  stepLimit: 6,
  faultRate: DEMO_TRAINING_FAULT_RATE,
  advantage: 'rloo' as const,
  credit: { kind: 'turn' as const, discount: 0 },
  minibatches: 4,
  optimizer: { learningRate: 1.5e-4, epsilon: 1e-5, weightDecay: 0 },
  finalLearningRateFraction: 0.3,
  monitorTasks: 40,
  monitorEvery: 4,
};

/** `demo`: synthesise, build the dataset, warm up, train and compare, in one go. */
export const demoRunConfigSchema = closeSchema(
  z.object({
    outDir: outDir('runs/demo'),
    seed: oneSeed,
    backend,
    pag: pagConfigSchema
      .extend({ synthesis: synthesisConfigSchema.omit({ seed: true }).prefault(DEMO_SYNTHESIS) })
      .prefault({ faultRate: DEMO_DEMONSTRATED_FAULT_RATE }),
    model: decoderConfigSchema.prefault(DEMO_MODEL),
    sft: sftConfigSchema.omit({ seed: true }).prefault(DEMO_SFT),
    rl: rlConfigSchema.omit({ seed: true }).prefault(DEMO_RL),
    rlTasks: z
      .number()
      .int()
      .min(1)
      .default(400)
      .describe('Tasks of reinforcement learning, apart from warm-up and evaluation.'),
    judgeTokenFraction: z
      .number()
      .min(0)
      .max(1)
      .default(0.1)
      .describe(
        'Warm-up of the policy that judges the dataset, as a share of the SFT token budget; 0 leaves the judge out.',
      ),
    evaluation: evaluationConfigSchema
      .omit({ seed: true, benchmark: true, categories: true })
      .prefault({ tasks: 600, context: DEMO_CONTEXT, stepLimit: 6, faultRate: DEMO_FAULT_RATE }),
  }),
)
  .superRefine(checkRl)
  .describe('The whole method on synthetic tasks: dataset, warm-up, reinforcement learning, comparison.');
export type DemoRunConfig = z.infer<typeof demoRunConfigSchema>;

/** `pag build`: the dataset pipeline. */
export const pagRunConfigSchema = closeSchema(
  z.object({
    outDir: outDir('runs/pag'),
    pag: pagConfigSchema.prefault({}),
    judge: inputModel('Policy that scores each record by log-prob gain (without it that gate is left out)').optional(),
    pretrained,
    backend,
  }),
).describe('Build a PAG dataset: synthesise tasks, annotate, verify, export.');
export type PagRunConfig = z.infer<typeof pagRunConfigSchema>;

/** `sft`: supervised warm-up, from random weights or of a model that is there. */
export const sftRunConfigSchema = closeSchema(
  z.object({
    outDir: outDir('runs/sft'),
    dataset: inputPath('Folder that "pag build" wrote, or one JSONL file of its records.'),
    base: inputModel('Model to fine-tune (without it, weights are drawn as "model" says)').optional(),
    pretrained,
    tuning,
    lora: loraConfigSchema.prefault({}),
    model: decoderConfigSchema.prefault({}),
    sft: sftConfigSchema.prefault({}),
    memoryShortage,
    backend,
  }),
)
  .refine(({ base, tuning: what }) => base !== undefined || what === 'full', {
    path: ['tuning'],
    message: 'expected a base model with tuning "lora": fresh weights are trained in full',
  })
  .describe('Train a policy on a PAG dataset: from random weights, or from a model that is there.');
export type SftRunConfig = z.infer<typeof sftRunConfigSchema>;

/** `train`: PAG-RL from a checkpoint. */
export const trainRunConfigSchema = closeSchema(
  z.object({
    outDir: outDir('runs/train'),
    init: inputModel('Policy to start from, which is also the reference policy'),
    pretrained,
    tuning,
    lora: loraConfigSchema.prefault({}),
    synthesis: synthesisConfigSchema.prefault({}),
    rl: rlConfigSchema.prefault({}),
    memoryShortage,
    backend,
  }),
)
  .superRefine(checkRl)
  .describe('Train a checkpoint by group-relative reinforcement learning on synthetic tasks.');
export type TrainRunConfig = z.infer<typeof trainRunConfigSchema>;

/** Who acts in an evaluation. */
export const evaluatedPolicySchema = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('checkpoint').describe('A policy from a path or the hub.'),
      path: inputModel('The policy'),
    }),
    z.strictObject({
      kind: z
        .literal('ground-truth')
        .describe("Replays each task's own calls: a check of tasks and checker, accuracy must be 1."),
    }),
    z.strictObject({
      kind: z.literal('endpoint').describe('A model behind an OpenAI-compatible endpoint (benchmark tau-bench).'),
      ...endpointConfigSchema.shape,
    }),
  ])
  .describe('Who acts.');
export type EvaluatedPolicy = z.infer<typeof evaluatedPolicySchema>;

/** `eval`: one policy on one benchmark. */
export const evaluateRunConfigSchema = closeSchema(
  z.object({
    outDir: outDir('runs/eval'),
    policy: evaluatedPolicySchema,
    pretrained,
    dataset: inputPath(
      'Benchmark records: a folder that "pag build" wrote (its validation records are taken), or one JSONL file of records.',
    ).optional(),
    evaluation: evaluationConfigSchema.prefault({}),
    synthesis: synthesisConfigSchema.omit({ tasks: true }).prefault({ seed: 2 }),
    bfclPath,
    tauBench: tauBenchConfigSchema.prefault({}),
    tauBenchPath,
    backend,
  }),
)
  .refine(({ policy, evaluation }) => policy.kind !== 'endpoint' || evaluation.benchmark === 'tau-bench', {
    path: ['policy', 'kind'],
    message: 'expected evaluation.benchmark "tau-bench" with an endpoint: no other benchmark takes one yet',
  })
  .refine(({ dataset, evaluation }) => evaluation.benchmark !== 'records' || dataset !== undefined, {
    path: ['dataset'],
    message: 'expected a dataset with evaluation.benchmark "records"',
  })
  .describe(
    'Evaluate a policy on held-out synthetic tasks, on BFCL multi-turn, on tau-bench, or on the steps of a dataset.',
  );
export type EvaluateRunConfig = z.infer<typeof evaluateRunConfigSchema>;

/** Schema of each kind of run: the one source of flags, request bodies and the reference page. */
export const runConfigSchemas = {
  demo: demoRunConfigSchema,
  pag: pagRunConfigSchema,
  sft: sftRunConfigSchema,
  train: trainRunConfigSchema,
  evaluate: evaluateRunConfigSchema,
} as const satisfies Record<string, z.ZodType>;

export const runKindSchema = z.enum(['demo', 'pag', 'sft', 'train', 'evaluate']).describe('What to run.');
export type RunKind = z.infer<typeof runKindSchema>;

/** Parsed configuration of each kind, every default filled in. */
export interface RunConfigs {
  readonly demo: DemoRunConfig;
  readonly pag: PagRunConfig;
  readonly sft: SftRunConfig;
  readonly train: TrainRunConfig;
  readonly evaluate: EvaluateRunConfig;
}

/** One thing wrong with a configuration. */
export interface ConfigProblem {
  /** Dotted path of the offending key; empty for the whole value. */
  readonly path: string;
  readonly message: string;
}

/** A configuration with its problems listed one by one, for answers that point at fields. */
export class InvalidConfigError extends ConfigError {
  readonly problems: readonly ConfigProblem[];

  constructor(where: string, problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`));
    super(lines.length === 1 ? `invalid ${where}: ${lines[0]}` : `invalid ${where}:\n  ${lines.join('\n  ')}`);
    this.problems = problems;
  }
}

/**
 * Parses the configuration of a run.
 *
 * @param kind - which run.
 * @param input - untrusted value.
 * @param where - what the value is, for the message ("train.json", "request body").
 * @throws {InvalidConfigError} (code CONFIG) naming each offending path; for unknown keys also the accepted ones.
 */
export function parseRunConfig<K extends RunKind>(kind: K, input: unknown, where: string): RunConfigs[K] {
  return parseClosed(runConfigSchemas[kind] as unknown as z.ZodType<RunConfigs[K]>, input, where);
}

/** {@link parseRunConfig} for any schema that {@link closeSchema} made. */
export function parseClosed<T>(schema: z.ZodType<T>, input: unknown, where: string): T {
  const parsed = schema.safeParse(input);
  if (parsed.success) {
    return parsed.data;
  }
  const root = configJsonSchema(branchFor(schema, input));
  throw new InvalidConfigError(
    where,
    parsed.error.issues.flatMap((issue): ConfigProblem[] => {
      const path = issue.path.map(String);
      if (issue.code !== 'unrecognized_keys') {
        return [{ path: path.join('.'), message: issue.message }];
      }
      const accepted = acceptedKeys(root, path);
      return issue.keys.map((key) => ({
        path: [...path, key].join('.'),
        message: `unknown key; accepted here: ${accepted.join(', ')}`,
      }));
    }),
  );
}

/** The part of JSON Schema (2020-12) that configurations use. */
export interface ConfigJsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly properties?: Readonly<Record<string, ConfigJsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean;
  readonly items?: ConfigJsonSchema;
  readonly minItems?: number;
  readonly oneOf?: readonly ConfigJsonSchema[];
  /** Flag name without dashes, where it is not derived from the key. */
  readonly 'x-flag'?: string;
  /** The text is a path that must exist before the run starts, or for a model also a name of the hub. */
  readonly 'x-input'?: 'path' | 'model';
}

/** What a caller may send: fields with a default are optional. */
export function configJsonSchema(schema: z.ZodType): ConfigJsonSchema {
  return z.toJSONSchema(schema, { io: 'input' }) as ConfigJsonSchema;
}

/** JSON Schema of a kind's configuration. */
export function runConfigJsonSchema(kind: RunKind): ConfigJsonSchema {
  return configJsonSchema(runConfigSchemas[kind]);
}

/** The branch that a discriminated union takes for an input, so that messages list the keys of that branch alone. */
function branchFor(schema: z.ZodType, input: unknown): z.ZodType {
  if (!(schema instanceof z.ZodDiscriminatedUnion) || typeof input !== 'object' || input === null) {
    return schema;
  }
  const key = schema.def.discriminator;
  const options = schema.options as readonly z.ZodObject[];
  return (
    options.find(
      (option) => (option.shape[key] as z.ZodType).safeParse((input as Record<string, unknown>)[key]).success,
    ) ?? schema
  );
}

function acceptedKeys(root: ConfigJsonSchema, path: readonly string[]): string[] {
  let sections: readonly ConfigJsonSchema[] = [root];
  for (const key of path) {
    sections = sections.flatMap((section) => branches(section)).flatMap((section) => section.properties?.[key] ?? []);
  }
  return [
    ...new Set(
      sections.flatMap((section) => branches(section)).flatMap((section) => Object.keys(section.properties ?? {})),
    ),
  ];
}

function branches(section: ConfigJsonSchema): readonly ConfigJsonSchema[] {
  return section.oneOf ?? [section];
}
