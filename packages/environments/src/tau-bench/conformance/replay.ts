import { type CheckReport, Tally } from '../../conformance/tally.js';
import { ScriptedUser, TauEpisode } from '../episode.js';
import { groundTruthActions } from '../ground-truth.js';
import type { TauWorld } from '../load-world.js';

/** Plays every task of a set by its own actions: each must earn the whole reward. */
export async function replayGroundTruth(world: TauWorld, split: string): Promise<CheckReport> {
  const tally = new Tally();
  for (const task of world.tasks(split)) {
    const episode = new TauEpisode(world, task, new ScriptedUser());
    let reward = 0;
    await episode.begin();
    for (const action of groundTruthActions(world, task)) {
      reward = (await episode.step(action)).reward?.reward ?? 0;
    }
    tally.countRecord();
    tally.count(reward === 1, () => `${world.domain.name} ${split} ${task.index}: reward ${reward}`);
  }
  return tally.report(`ground truth ${world.domain.name} ${split}`, 'replay', 'tasks', 1);
}
