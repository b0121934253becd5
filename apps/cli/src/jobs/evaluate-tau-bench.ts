import { createWriteStream, existsSync, readFileSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { OpenAiChatModel } from '@parl-mt/chat/openai';
import { createUser, loadTauWorld, ScriptedUser, type TauTask, tauTaskOf } from '@parl-mt/environments';
import { formatTauBench, playTauBench, readResults, runTauBench, summarizeTauBench } from '@parl-mt/evaluation';
import { DecoderModel, loadPolicy, scoreTrajectories } from '@parl-mt/rl';
import {
  type EndpointConfig,
  type EvaluateRunConfig,
  type JobContext,
  type JobResult,
  rewardConfigSchema,
  type TauBenchConfig,
  type TauBenchResult,
  UsageError,
} from '@parl-mt/schema';
import { selectBackend } from '@parl-mt/tfjs-backend';
import { writeFileAtomic } from '../write-file-atomic.js';
import { loading } from './loading.js';
import { writeTrajectories } from './training-stage.js';

const FILES = ['summary.json', 'results.json', 'results.jsonl'];

/**
 * tau-bench with a checkpoint of ours, with a model behind an endpoint, or with the tasks' own actions. `results.jsonl` gets a line per finished
 * episode; a second run into the folder plays only what is missing. `results.json` is the list in the official format.
 */
export async function runEvaluateTauBench(config: EvaluateRunConfig, context: JobContext): Promise<JobResult> {
  const { outDir, reporter, signal } = context;
  const { policy, tauBench, evaluation } = config;
  if (config.tauBenchPath === undefined) throw new UsageError('expected --tau-bench PATH, received none');
  reporter.stage('tasks');
  const world = loadTauWorld(config.tauBenchPath, tauBench.domain);
  const tasks = selectTasks(world.tasks(tauBench.split), tauBench);
  const journal = openJournal(path.join(outDir, 'results.jsonl'));
  const known = journal.results.filter(
    ({ task_id, trial }) => trial < tauBench.trials && tasks.some(({ index }) => index === task_id),
  );
  if (known.length > 0) reporter.log(`${known.length} episodes were played before`);

  const agent = policy.kind === 'endpoint' ? chatModel(policy) : undefined;
  const user = chatModel(tauBench.user);
  const name = policyName(config);
  reporter.stage(`evaluate ${name}`, tasks.length * tauBench.trials);
  let finished = known.length;
  let rewards = known.reduce((sum, { reward }) => sum + reward, 0);
  const onResult = async (result: TauBenchResult) => {
    await journal.append(`${JSON.stringify(result)}\n`);
    finished += 1;
    rewards += result.reward;
    reporter.progress(finished, { reward: rewards / finished });
  };
  const userChat = withSignal(user, signal);
  const play =
    policy.kind === 'checkpoint'
      ? playCheckpoint(policy.path, config.tauBenchPath)
      : runTauBench({
          world,
          tasks,
          config: tauBench,
          policy: agent === undefined ? { kind: 'ground-truth' } : { kind: 'model', chat: withSignal(agent, signal) },
          userChat,
          done: known,
          signal,
          onResult,
        });
  const results = await play.finally(journal.close);

  async function playCheckpoint(folder: string, dataDirectory: string): Promise<TauBenchResult[]> {
    await selectBackend(config.backend);
    using loaded = await loadPolicy(folder, config.pretrained, loading(context));
    using model = new DecoderModel(loaded.decoder, loaded.codec(evaluation.context.mode), evaluation.context);
    const { strategy, lines } = tauBench.user;
    const played = await playTauBench({
      model,
      dataDirectory,
      world,
      tasks,
      tauBench,
      evaluation,
      createUser: () => (strategy === 'scripted' ? new ScriptedUser(lines) : createUser(strategy, userChat)),
      done: known,
      onResult,
      signal,
    });
    const tasksById = new Map(tasks.map((task) => tauTaskOf(world, task)).map((task) => [task.id, task]));
    const scored = scoreTrajectories(played.trajectories, tasksById, rewardConfigSchema.parse({}));
    await writeTrajectories(
      path.join(outDir, 'trajectories.jsonl'),
      scored.map(({ trajectory }) => trajectory),
    );
    return played.results;
  }

  const summary = summarizeTauBench(results, evaluation.bootstrapSamples, evaluation.seed);
  const figures = {
    benchmark: 'tau-bench',
    domain: tauBench.domain,
    split: tauBench.split,
    policy: name,
    userStrategy: policy.kind === 'ground-truth' ? 'none' : tauBench.user.strategy,
    ...summary,
    // Of this run alone: what an earlier part of it used is in the lines of results.jsonl, as far as it is known.
    agentTotals: agent?.totals ?? null,
    userTotals: user.totals.requests > 0 ? user.totals : null,
  };
  writeFileAtomic(path.join(outDir, 'results.json'), `${JSON.stringify(results, null, 2)}\n`);
  writeFileAtomic(path.join(outDir, 'summary.json'), `${JSON.stringify(figures, null, 2)}\n`);
  reporter.table(formatTauBench(`tau-bench ${tauBench.domain} ${tauBench.split}: ${name}`, summary));
  return { summary: figures, files: [...(policy.kind === 'checkpoint' ? ['trajectories.jsonl'] : []), ...FILES] };
}

function policyName({ policy, tauBench }: EvaluateRunConfig): string {
  switch (policy.kind) {
    case 'endpoint':
      return `${policy.model} (${tauBench.agent.strategy})`;
    case 'checkpoint':
      return path.basename(path.resolve(policy.path));
    case 'ground-truth':
      return 'ground truth';
  }
}

/** @throws {UsageError} for an id that the set does not have, and for an empty choice. */
function selectTasks(all: readonly TauTask[], { taskIds, start, end, domain, split }: TauBenchConfig): TauTask[] {
  const tasks =
    taskIds === undefined
      ? all.slice(start, end)
      : [...new Set(taskIds)].map((id) => {
          const task = all[id];
          if (task !== undefined) return task;
          throw new UsageError(`--tau-bench.task-ids: expected ids from 0 to ${all.length - 1}, received ${id}`);
        });
  if (tasks.length > 0) return tasks;
  throw new UsageError(`expected at least one task of ${domain} ${split}, which has ${all.length}`);
}

function chatModel(endpoint: EndpointConfig): OpenAiChatModel {
  return new OpenAiChatModel(endpoint, { apiKey: process.env[endpoint.apiKeyEnv] });
}

function withSignal(model: OpenAiChatModel, signal: AbortSignal) {
  return (request: Parameters<OpenAiChatModel['complete']>[0]) => model.complete({ ...request, signal });
}

/** Results so far, and a file that later ones are appended to, whole lines only. */
function openJournal(file: string) {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const results = readResults(text, file);
  // A line that a crash cut off would run into the next one.
  if (text !== '') truncateSync(file, Buffer.byteLength(text.slice(0, text.lastIndexOf('\n') + 1)));
  const stream = createWriteStream(file, { flags: 'a' });
  return {
    results,
    append: (line: string) =>
      new Promise<void>((resolve, reject) => {
        stream.write(line, (error) => (error ? reject(error) : resolve()));
      }),
    close: () => new Promise<void>((resolve) => stream.end(resolve)),
  };
}
