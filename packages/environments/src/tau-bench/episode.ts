import { ParlError } from '@parl-mt/schema';
import { type PyDict, PythonError, type PyValue } from '../bfcl/python/value.js';
import { TauDatabase } from './database.js';
import type { TauWorld } from './load-world.js';
import { calculateReward, contentOf, groundTruthHash, type TauReward } from './reward.js';
import { RESPOND, type TauAction, type TauTask } from './task.js';
import { invokeTool } from './tool.js';

/** Part of a user's line that ends the conversation. */
export const STOP_MARKER = '###STOP###';

/** Who talks to the agent. */
export interface TauUser {
  /** Begins a conversation; the first line. */
  reset(instruction: string | null): Promise<string>;
  /** Answers the agent. `content` is what the agent said, null where it said nothing. */
  step(content: string | null): Promise<string>;
}

/** The episode ended in an exception, as it does in the reference: its reward is 0. */
export class EpisodeCrash extends ParlError {
  /** Class of the exception in the reference: "KeyError", "ValidationError", … */
  readonly exception: string;

  constructor(exception: string, message: string, options?: ErrorOptions) {
    super('EPISODE_CRASH', message, options);
    this.exception = exception;
  }
}

/** What one action led to. */
export interface TauStep {
  readonly observation: string;
  readonly isDone: boolean;
  /** Present when done. */
  readonly reward?: TauReward;
}

/** What is asked of a task in an episode. */
export type EpisodeTask = Pick<TauTask, 'instruction' | 'actions' | 'outputs'>;

/** One conversation between an agent and a user over a domain's database, stepped as the official environment is. */
export class TauEpisode {
  readonly world: TauWorld;
  readonly database: TauDatabase;
  readonly task: EpisodeTask;
  readonly #user: TauUser;
  readonly #actions: TauAction[] = [];

  constructor(world: TauWorld, task: EpisodeTask, user: TauUser) {
    this.world = world;
    this.database = new TauDatabase(world.tables);
    this.task = task;
    this.#user = user;
  }

  /** Everything done so far, `respond` and unknown actions included. */
  get actions(): readonly TauAction[] {
    return this.#actions;
  }

  /** The user's first line. */
  async begin(): Promise<string> {
    return this.#user.reset(this.task.instruction);
  }

  /**
   * Does one action. A tool that fails is an observation; the reward comes with the action that ends the episode.
   *
   * @throws {EpisodeCrash} where the reference crashes: `respond` without content, a tool that returns nothing, and a
   *   content that is no text.
   */
  async step(action: TauAction): Promise<TauStep> {
    this.#actions.push(action);
    const { observation, isDone } = await this.#act(action);
    return isDone ? { observation, isDone, reward: this.#reward() } : { observation, isDone };
  }

  async #act({ name, kwargs }: TauAction): Promise<{ observation: string; isDone: boolean }> {
    if (name === RESPOND) {
      const observation = await this.#user.step(spokenContent(kwargs));
      return { observation, isDone: observation.includes(STOP_MARKER) };
    }
    const { domain } = this.world;
    const tool = Object.hasOwn(domain.tools, name) ? domain.tools[name] : undefined;
    if (tool === undefined) return { observation: `Unknown action ${name}`, isDone: false };
    const observation = invokeTool(domain.name, name, tool, kwargs, this.database);
    if (observation === null) {
      throw new EpisodeCrash('ValidationError', `${name} returned nothing where an observation is needed`);
    }
    return { observation, isDone: domain.terminateTools.has(name) };
  }

  #reward(): TauReward {
    try {
      const expected = groundTruthHash(this.world.domain, this.world.tables, this.task.actions);
      return calculateReward(this.database, this.#actions, this.task.outputs, expected);
    } catch (error) {
      if (error instanceof PythonError) throw new EpisodeCrash(error.type, error.message, { cause: error });
      throw error;
    }
  }
}

function spokenContent(kwargs: PyDict): string | null {
  let content: PyValue;
  try {
    content = contentOf(kwargs);
  } catch (error) {
    if (error instanceof PythonError) throw new EpisodeCrash(error.type, `respond needs content: ${error.message}`);
    throw error;
  }
  if (content === null || typeof content === 'string') return content;
  throw new EpisodeCrash('TypeError', 'expected the content of respond to be a text');
}

/** A user that says given lines, whatever the agent says: for tests, and for runs without a model. */
export class ScriptedUser implements TauUser {
  readonly #firstLine: string;
  readonly #lines: readonly string[];
  #next = 0;

  /**
   * @param lines - answers in order; when there are none left, the conversation ends.
   * @param firstLine - undefined: the task's instruction itself.
   */
  constructor(lines: readonly string[] = [], firstLine?: string) {
    this.#lines = lines;
    this.#firstLine = firstLine ?? '';
  }

  async reset(instruction: string | null): Promise<string> {
    this.#next = 0;
    return this.#firstLine === '' ? (instruction ?? '') : this.#firstLine;
  }

  async step(): Promise<string> {
    return this.#lines[this.#next++] ?? STOP_MARKER;
  }
}
