import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { generateTasks, type SynthesizedTask, synthesizeTasks, taskFingerprint } from '@parl-mt/environments';
import { comparisonTable, type Evaluation, evaluatePolicy, formatCurve, type MethodSummary } from '@parl-mt/evaluation';
import { buildPagDataset, type Judge, type PagStage, readPagRecords } from '@parl-mt/pag';
import { Decoder, Tokenizer, writeAtomically } from '@parl-mt/policy';
import { DecoderJudge, DecoderModel, deriveSeed, Policy } from '@parl-mt/rl';
import type { ContextMode, DemoRunConfig, JobContext, JobResult, PagRecord, Task } from '@parl-mt/schema';
import { selectBackend } from '@parl-mt/tfjs-backend';
import { trainDatasetTokenizer } from './dataset-tokenizer.js';
import { runCopyingStage, runRlStage, runSftStage, writeTrajectories } from './training-stage.js';

/** What each random part of the demo draws from; every one derives from the run's seed. */
const STREAM = { dataset: 1, heldOut: 2, rlTasks: 3, weights: 4, sft: 5, rl: 6, evaluation: 7, monitor: 8 } as const;

/** The context of the rows with awareness: what a turn began with, and the turn so far. */
const AWARENESS: ContextMode = 'awareness+turn';

/**
 * The whole method on synthetic tasks: dataset, warm-up, reinforcement learning, comparison. Five rows: untrained, SFT on
 * plain calls, MT-GRPO from it, PAG warm-up, PAG-RL from that. All see the same held-out tasks, context limit, SFT tokens,
 * and (the RL rows) the same number of sampled tokens.
 */
export async function runDemo(config: DemoRunConfig, context: JobContext): Promise<JobResult> {
  const startedAt = performance.now();
  await selectBackend(config.backend);
  const demo = await prepare(config, context);

  const methods: MethodSummary[] = [];
  {
    using untrained = demo.untrained();
    methods.push(await demo.evaluate('untrained', untrained, AWARENESS, { trainedTokens: 0, seconds: 0 }));
  }

  const plain = await demo.warmUp('SFT on plain calls', 'history');
  methods.push(await demo.evaluate('SFT on plain calls', plain.policy, 'history', plain.cost));
  const mtGrpo = await demo.reinforce('MT-GRPO', plain.policy, 'history', plain.cost);
  methods.push(await demo.evaluate('MT-GRPO', plain.policy, 'history', mtGrpo));
  plain.policy[Symbol.dispose]();

  const pag = await demo.warmUp('PAG warm-up', AWARENESS);
  methods.push(await demo.evaluate('PAG warm-up', pag.policy, AWARENESS, pag.cost));
  const pagRl = await demo.reinforce('PAG + PAG-RL', pag.policy, AWARENESS, pag.cost);
  methods.push(await demo.evaluate('PAG + PAG-RL', pag.policy, AWARENESS, pagRl));
  await pag.policy.save(path.join(context.outDir, 'policy'));
  pag.policy[Symbol.dispose]();

  const summary = {
    seconds: (performance.now() - startedAt) / 1000,
    tasks: demo.heldOut.length,
    seed: config.seed,
    methods: methods.map((method) => ({ ...method })),
  };
  await writeAtomically(path.join(context.outDir, 'summary.json'), [`${JSON.stringify(summary, null, 2)}\n`]);
  const curves = await Promise.all(
    ['MT-GRPO', 'PAG + PAG-RL'].map(async (name) => {
      const [seen, monitored] = [
        await rewardsOf(context.outDir, name),
        await rewardsOf(context.outDir, `${name}: monitor`),
      ];
      const onFixed =
        monitored.length === 0
          ? []
          : [`  on ${config.rl.monitorTasks} tasks not trained on, always the same: ${formatCurve(monitored)}`];
      return [`mean reward of ${name}`, `  on the tasks of each update: ${formatCurve(seen)}`, ...onFixed].join('\n');
    }),
  );
  context.reporter.table(
    `${comparisonTable(methods)}\n\n${curves.join('\n')}\n\n${demo.heldOut.length} held-out tasks, seed ${config.seed}, ${summary.seconds.toFixed(0)} s`,
  );
  return { summary, files: ['summary.json', 'policy', 'pag/dataset/README.md', 'metrics.jsonl'] };
}

/** What a method has cost so far. */
interface Cost {
  readonly trainedTokens: number;
  readonly seconds: number;
}

interface Demo {
  readonly heldOut: readonly Task[];
  /** Weights as drawn. */
  untrained(): Policy;
  warmUp(name: string, mode: ContextMode): Promise<{ readonly policy: Policy; readonly cost: Cost }>;
  reinforce(name: string, policy: Policy, mode: ContextMode, before: Cost): Promise<Cost>;
  evaluate(name: string, policy: Policy, mode: ContextMode, cost: Cost): Promise<MethodSummary>;
}

async function prepare(config: DemoRunConfig, context: JobContext): Promise<Demo> {
  const { outDir, reporter, signal } = context;
  const seed = (stream: keyof typeof STREAM): number => deriveSeed(config.seed, STREAM[stream]) % 2 ** 31;
  const synthesis = config.pag.synthesis;
  const pagConfig = { ...config.pag, synthesis: { ...synthesis, seed: seed('dataset') } };
  const known = new Set<string>();
  function* remembered(drawn: Iterable<SynthesizedTask>): Generator<SynthesizedTask> {
    for (const source of drawn) {
      known.add(taskFingerprint(source.task));
      yield source;
    }
  }
  const buildDataset = async (purpose: string, judge?: Judge): Promise<readonly PagRecord[]> => {
    let stage: PagStage | undefined;
    const report = await buildPagDataset(pagConfig, {
      outDir: path.join(outDir, 'pag'),
      judge,
      signal,
      synthesize: (knobs) => remembered(generateTasks(knobs)),
      onProgress: (progress) => {
        if (progress.stage !== stage) {
          stage = progress.stage;
          reporter.stage(`${purpose}: ${stage}`, progress.total);
        }
        reporter.progress(progress.done);
      },
    });
    reporter.log(
      `dataset: ${report.tasks} tasks, ${report.decisions} decisions, ${report.accepted} accepted` +
        (report.meanLogprobGain === null ? '' : `, mean log-prob gain ${report.meanLogprobGain.toFixed(2)} nats/token`),
    );
    return readPagRecords(path.join(outDir, 'pag', 'dataset', 'train.jsonl'));
  };

  let records = await buildDataset('dataset');
  // A run that resumes has the dataset's tasks from disk.
  if (known.size === 0) for (const { task } of generateTasks(pagConfig.synthesis)) known.add(taskFingerprint(task));
  const drawTasks = (stream: 'heldOut' | 'rlTasks' | 'monitor', count: number): Task[] =>
    freshTasks(synthesizeTasks({ ...synthesis, tasks: count + 20, seed: seed(stream) }), count, known);
  const heldOut = drawTasks('heldOut', config.evaluation.tasks);
  const rlTasks = drawTasks('rlTasks', config.rlTasks);
  const monitorTasks = config.rl.monitorTasks === 0 ? [] : drawTasks('monitor', config.rl.monitorTasks);

  const tokenizerJson = trainDatasetTokenizer(records, config.model.vocabSize);
  const tokenizer = new Tokenizer(tokenizerJson);
  const model = { ...config.model, vocabSize: tokenizer.vocabSize };
  const untrained = (): Policy => Policy.own(Decoder.create(model, seed('weights')), tokenizerJson);
  const sft = { ...config.sft, seed: seed('sft') };
  // What every warm-up begins with: copying is no part of what the rows are compared by.
  const beginning = untrained();
  await runCopyingStage(beginning.decoder, sft, context);
  const fresh = (): Policy => Policy.own(beginning.decoder.copy(), tokenizerJson);

  if (config.judgeTokenFraction > 0) {
    reporter.stage('judge of the dataset', Math.round(sft.tokenBudget * config.judgeTokenFraction));
    using judge = fresh();
    await runSftStage({
      name: 'judge',
      policy: judge,
      records,
      config: { ...sft, tokenBudget: Math.round(sft.tokenBudget * config.judgeTokenFraction) },
      context,
    });
    records = await buildDataset('model-aware dataset', new DecoderJudge(judge.decoder, judge.codec(AWARENESS)));
  }

  return {
    heldOut,
    untrained,
    async warmUp(name, mode) {
      reporter.stage(name, sft.tokenBudget);
      const startedAt = performance.now();
      const policy = fresh();
      const trainedTokens = await runSftStage({
        name,
        policy,
        records,
        config: { ...sft, context: { ...sft.context, mode } },
        context,
      });
      return { policy, cost: { trainedTokens, seconds: (performance.now() - startedAt) / 1000 } };
    },
    async reinforce(name, policy, mode, before) {
      reporter.stage(name, config.rl.sampledTokenBudget);
      const startedAt = performance.now();
      const { trainedTokens } = await runRlStage({
        name,
        policy,
        tasks: rlTasks,
        monitorTasks,
        config: { ...config.rl, seed: seed('rl'), context: { ...config.rl.context, mode } },
        context,
      });
      return {
        trainedTokens: before.trainedTokens + trainedTokens,
        seconds: before.seconds + (performance.now() - startedAt) / 1000,
      };
    },
    async evaluate(name, policy, mode, cost) {
      reporter.stage(`evaluate ${name}`, heldOut.length);
      using rollouts = new DecoderModel(policy.decoder, policy.codec(mode), config.evaluation.context);
      const evaluation: Evaluation = await evaluatePolicy(
        rollouts,
        heldOut,
        { ...config.evaluation, seed: seed('evaluation'), context: { ...config.evaluation.context, mode } },
        {
          name,
          trainedTokens: cost.trainedTokens,
          trainingSeconds: cost.seconds,
          signal,
          onProgress: (finished) => reporter.progress(finished),
        },
      );
      await mkdir(path.join(outDir, 'trajectories'), { recursive: true });
      await writeTrajectories(
        path.join(outDir, 'trajectories', `${fileStem(name)}.jsonl`),
        evaluation.scored.map(({ trajectory }) => trajectory),
      );
      const { success } = evaluation.summary;
      reporter.log(`${name}: ${(100 * success.mean).toFixed(1)}% of ${heldOut.length} held-out tasks`);
      return evaluation.summary;
    },
  };
}

/** Mean rewards of a stage's updates, from the run's metrics: those of an earlier, interrupted process included. */
async function rewardsOf(outDir: string, stage: string): Promise<number[]> {
  const lines = (await readFile(path.join(outDir, 'metrics.jsonl'), 'utf8')).split('\n').filter((line) => line !== '');
  const byUpdate = new Map<number, number>();
  for (const line of lines) {
    const metric = JSON.parse(line) as { readonly stage?: string; readonly update?: number; readonly reward?: number };
    // An update after the last checkpoint is made again when a run resumes: the later line counts.
    if (metric.stage === stage && metric.update !== undefined && metric.reward !== undefined) {
      byUpdate.set(metric.update, metric.reward);
    }
  }
  return [...byUpdate].sort(([a], [b]) => a - b).map(([, reward]) => reward);
}

/** The first `count` tasks whose wording and solution are new; they are then known too. */
function freshTasks(drawn: readonly SynthesizedTask[], count: number, known: Set<string>): Task[] {
  const fresh: Task[] = [];
  for (const { task } of drawn) {
    const fingerprint = taskFingerprint(task);
    if (known.has(fingerprint) || fresh.length === count) continue;
    known.add(fingerprint);
    fresh.push(task);
  }
  return fresh;
}

function fileStem(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]+/g, '-');
}
