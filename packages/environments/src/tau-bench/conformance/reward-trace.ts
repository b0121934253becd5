import { ScriptedUser, TauEpisode } from '../episode.js';
import type { TauReward } from '../reward.js';
import { readTauAction } from '../task.js';
import type { TraceCheck } from './suite.js';
import { differing } from './trace-record.js';

/** A changed run of a task, with the official reward. */
export const rewardCaseDifferences: TraceCheck = async (record, worlds, { also }) => {
  const world = worlds(record.text('domain'));
  const known = world.tasks(record.text('split'))[record.number('index')];
  const task = { instruction: '', actions: known?.actions ?? [], outputs: record.texts('outputs') };
  const episode = new TauEpisode(world, task, new ScriptedUser(record.texts('user_lines'), 'hello'));
  const results: string[] = [];
  let reward: TauReward | undefined;
  let isDone = false;
  for (const [index, value] of record.list('actions').entries()) {
    const step = await episode.step(readTauAction(value, `${record.where} actions[${index}]`));
    results.push(step.observation);
    also('steps', step.observation === record.list('results')[index]);
    reward = step.reward;
    isDone = step.isDone;
    if (isDone) break;
  }
  return [
    ...differing('executed_steps', record.number('executed_steps'), results.length),
    ...differing('results', record.texts('results'), results),
    ...differing('done', record.flag('done'), isDone),
    ...differing('data_hash_after', record.text('data_hash_after'), episode.database.dataHash()),
    ...differing('reward', record.number('reward'), reward?.reward ?? 0),
    ...differing('info', record.plain('info') ?? null, reward?.info ?? null),
  ];
};
