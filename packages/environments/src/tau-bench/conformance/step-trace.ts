import { pyJson } from '../../bfcl/python/render.js';
import { PyDict, type PyValue } from '../../bfcl/python/value.js';
import type { TauDatabase } from '../database.js';
import { EpisodeCrash, type EpisodeTask, ScriptedUser, STOP_MARKER, TauEpisode } from '../episode.js';
import { dataHash } from '../hash.js';
import type { TauWorld } from '../load-world.js';
import type { TauReward } from '../reward.js';
import { RESPOND, readTauAction, type TauAction } from '../task.js';
import type { TraceCheck, TraceCounter, Worlds } from './suite.js';
import { differing, type TraceRecord } from './trace-record.js';

const ERROR_START = 'Error: ';

const NO_TASK: EpisodeTask = { instruction: '', actions: [], outputs: [] };

/** Steps from a fresh database: every result, the hash after, every changed record, and the reward of further episodes. */
export const stepTraceDifferences: TraceCheck = async (record, worlds, { also, told }) => {
  const world = worlds(record.text('domain'));
  const steps = record.records('steps');
  const answers = steps.filter((step) => step.text('name') === RESPOND).map((step) => String(step.raw('result')));
  const task = taskOf(record, worlds);
  const episode = new TauEpisode(world, task, new ScriptedUser(answers, 'hello'));
  const problems: string[] = [];
  for (const step of steps) {
    const found = await stepDifferences(episode, step, told);
    also('steps', found.length === 0);
    problems.push(...found);
  }
  const hash = differing('data_hash_after', record.text('data_hash_after'), episode.database.dataHash());
  also('data hashes', hash.length === 0);
  const changes = changeDifferences(episode.database, record.record('changed'));
  also('changed tables', changes.length === 0);
  problems.push(...hash, ...changes);
  for (const check of record.records('reward_checks')) {
    const found = await rewardCheckDifferences(check, world, task, steps);
    also('reward checks', found.length === 0);
    problems.push(...found);
  }
  return problems;
};

function taskOf(record: TraceRecord, worlds: Worlds): EpisodeTask {
  if (record.text('split') === 'errors') return NO_TASK;
  const tasks = worlds(record.text('domain')).tasks(record.text('split'));
  return tasks[record.number('index')] ?? NO_TASK;
}

function actionOf(step: TraceRecord): TauAction {
  return readTauAction(step.value, step.where);
}

/**
 * Does one step, and compares the observation or the crash. Of what Python itself said (`python_message`) only the start
 * is demanded; how often the whole text is the same is told.
 */
export async function stepDifferences(
  episode: TauEpisode,
  step: TraceRecord,
  told?: TraceCounter['told'],
): Promise<string[]> {
  const name = step.text('name');
  try {
    const { observation, isDone } = await episode.step(actionOf(step));
    const result = differing(`${name} result`, step.raw('result') ?? null, observation);
    const isPythonText = step.flag('python_message') && String(step.raw('result')).startsWith(ERROR_START);
    if (isPythonText) told?.('whole texts of Python exceptions', result.length === 0);
    return [
      ...differing(`${name} raises`, step.raw('raises') ?? null, null),
      ...(isPythonText && observation.startsWith(ERROR_START) ? [] : result),
      ...differing(`${name} done`, step.flag('done'), isDone),
    ];
  } catch (error) {
    if (!(error instanceof EpisodeCrash)) throw error;
    return differing(`${name} raises`, step.raw('raises') ?? null, error.exception);
  }
}

/** Compares the changed records of all tables, by hash and by print. */
function changeDifferences(database: TauDatabase, expected: TraceRecord): string[] {
  const problems: string[] = [];
  const wanted = new Map(expected.entries().map(([table]) => [table, expected.record(table)]));
  for (const table of database.tables.names()) {
    const actual = new Map(
      Array.from(database.changes().get(table) ?? []).filter(([id, record]) => {
        const before = database.tables.table(table).get(id);
        return before === undefined || dataHash(before) !== dataHash(record);
      }),
    );
    const records = wanted.get(table);
    const ids = new Set([...actual.keys(), ...(records?.entries().map(([id]) => id) ?? [])]);
    for (const id of ids) {
      const found = actual.get(id);
      const after = records?.raw(id) instanceof PyDict ? records.record(id) : undefined;
      const where = `${table}/${id}`;
      problems.push(
        ...differing(`${where} hash`, after?.text('hash') ?? null, found === undefined ? null : dataHash(found)),
        ...differing(`${where} after`, printed(after?.raw('after')), printed(found)),
      );
    }
  }
  return problems;
}

function printed(value: PyValue | undefined): string | null {
  return value === undefined || value === null ? null : pyJson(value);
}

/** One more episode on the task, ended in one of several ways, and its reward. */
async function rewardCheckDifferences(
  check: TraceRecord,
  world: TauWorld,
  task: EpisodeTask,
  steps: readonly TraceRecord[],
): Promise<string[]> {
  const end = check.text('end');
  const actions = endingActions(end, check, world, task, steps);
  const episode = new TauEpisode(world, task, new ScriptedUser(answersFor(end, steps), 'hello'));
  let reward: TauReward | undefined;
  for (const action of actions) {
    const step = await episode.step(action);
    reward = step.reward;
    if (step.isDone) break;
  }
  return [
    ...differing(`${end} reward`, check.plain('reward'), reward?.reward),
    ...differing(`${end} info`, check.plain('info'), reward?.info),
  ];
}

function answersFor(end: string, steps: readonly TraceRecord[]): string[] {
  if (end !== 'empty_task') return [STOP_MARKER];
  return steps.filter((step) => step.text('name') === RESPOND).map((step) => String(step.raw('result')));
}

function endingActions(
  end: string,
  check: TraceRecord,
  world: TauWorld,
  task: EpisodeTask,
  steps: readonly TraceRecord[],
): TauAction[] {
  if (end === 'terminate_tool' || end === 'empty_task') return steps.map(actionOf);
  const respond = { name: RESPOND, kwargs: PyDict.of({ content: check.text('content') }) };
  const played = task.actions.filter(({ name }) => !world.domain.terminateTools.has(name));
  return end === 'do_nothing' ? [respond] : [...played, respond];
}
