import { describeFailure } from '../../conformance/suite.js';
import { type CheckReport, Tally } from '../../conformance/tally.js';
import { ScriptedUser, TauEpisode } from '../episode.js';
import { groundTruthActions } from '../ground-truth.js';
import type { TauWorld } from '../load-world.js';
import type { TauTask } from '../task.js';

/**
 * Plays every task of a set by its own actions: each must earn the whole reward. An output with a comma in it can never be
 * said (the reference takes commas out of what the agent says, and leaves the output as it is), so such a task earns none.
 */
export async function replayGroundTruth(world: TauWorld, split: string): Promise<CheckReport> {
  const tally = new Tally();
  for (const task of world.tasks(split)) {
    tally.countRecord();
    const where = `${world.domain.name} ${split} ${task.index}`;
    try {
      const reward = await rewardOf(world, task);
      const expected = task.outputs.some((output) => output.includes(',')) ? 0 : 1;
      tally.count(reward === expected, () => `${where}: reward ${reward}`);
    } catch (error) {
      tally.countUnreadable(() => describeFailure(where, error));
    }
  }
  return tally.report(`ground truth ${world.domain.name} ${split}`, 'replay', 'tasks', 1);
}

async function rewardOf(world: TauWorld, task: TauTask): Promise<number> {
  const episode = new TauEpisode(world, task, new ScriptedUser());
  let reward = 0;
  await episode.begin();
  for (const action of groundTruthActions(world, task)) {
    reward = (await episode.step(action)).reward?.reward ?? 0;
  }
  return reward;
}
