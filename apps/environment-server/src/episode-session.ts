import { randomUUID } from 'node:crypto';
import type { Conversation, TurnOpening } from '@parl-mt/environments';
import {
  ConfigError,
  type Task,
  type ToolCall,
  type ToolErrorCause,
  type ToolResult,
  type ToolSpec,
} from '@parl-mt/schema';
import { RESPOND, respondMessage, respondTool } from './respond-tool.js';
import { SessionError } from './session-error.js';
import { chooseTask, type TaskCatalog, type TaskChoice } from './task-catalog.js';

/** What a client asks of a new episode. */
export interface EpisodeRequest extends TaskChoice {
  readonly episodeId?: string | undefined;
}

/** Answer to a reset or a step; `reward` is null where nothing is judged yet, or nobody judges at all. */
export interface Frame {
  readonly observation: Readonly<Record<string, unknown>>;
  readonly reward: number | null;
  readonly done: boolean;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

export interface SessionState {
  readonly episode_id: string | null;
  readonly step_count: number;
  readonly [field: string]: unknown;
}

export interface SessionOptions {
  readonly catalog: TaskCatalog;
  readonly openConversation: (task: Task, seed: number) => Conversation;
  /** Which of the verdict's figures is the reward. */
  readonly reward: 'success' | 'progress';
}

interface Episode {
  readonly id: string;
  readonly task: Task;
  readonly split: string;
  readonly conversation: Conversation;
  readonly opening: TurnOpening;
  turn: number;
  steps: number;
  isDone: boolean;
}

/**
 * One client's place: an episode at a time, in a world of its own. A step without a reset before it starts the default
 * episode. Calls may run at once; a reset waits for none of them, since it ends their world.
 */
export class EpisodeSession {
  readonly #options: SessionOptions;
  #episode: Promise<Episode> | undefined;
  #current: Episode | undefined;
  #isClosed = false;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /**
   * Starts an episode, ending the one before.
   *
   * @throws {SessionError} invalid, when there is no such task; the episode before goes on then.
   * @throws an error of the world, when it does not start.
   */
  async reset(request: EpisodeRequest = {}): Promise<Frame> {
    const chosen = chooseTask(this.#options.catalog, request);
    if (typeof chosen === 'string') throw new SessionError('invalid', chosen);
    const { task, split } = chosen;
    const before = this.#episode;
    const starting = this.#start(task, split.name, request, before);
    this.#episode = starting;
    const { conversation, opening } = await starting;
    return {
      observation: {
        task_id: task.id,
        split: split.name,
        turn: opening.turn,
        turns: conversation.turns,
        messages: plainMessages(opening),
        // Not `tools`: clients take an observation with that key for the answer to list_tools.
        available_tools: toolList(this.#tools(conversation)),
        ...(conversation.instructions === undefined ? {} : { instructions: conversation.instructions }),
      },
      reward: null,
      done: false,
    };
  }

  /** Functions on offer, `respond` included. */
  async tools(): Promise<readonly ToolSpec[]> {
    return this.#tools((await this.#require()).conversation);
  }

  /** As a step: it does not count, and changes nothing. */
  async listTools(): Promise<Frame> {
    const { isDone } = await this.#require();
    return { observation: { tools: toolList(await this.tools()) }, reward: null, done: isDone };
  }

  /**
   * Executes a call; `respond` ends the turn.
   *
   * @param signal - aborted when the client does not wait for the result any more.
   * @throws {SessionError} out_of_turn, when the episode is over.
   */
  async callTool(call: ToolCall, signal?: AbortSignal): Promise<Frame> {
    const episode = await this.#require();
    if (episode.isDone) throw new SessionError('out_of_turn', 'the episode is over: reset starts the next one');
    episode.steps += 1;
    if (call.name === RESPOND) return await this.#respond(episode, call);
    const { result, isOver } = await episode.conversation.call(call, signal);
    return this.#frame(episode, callObservation(call.name, result), isOver, faultOf(result));
  }

  state(): SessionState {
    const episode = this.#current;
    if (episode === undefined) return { episode_id: null, step_count: 0 };
    const { id, steps, task, split, turn, conversation, isDone } = episode;
    return {
      episode_id: id,
      step_count: steps,
      task_id: task.id,
      split,
      turn,
      turns: conversation.turns,
      done: isDone,
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const episode = this.#episode;
    this.#episode = undefined;
    this.#current = undefined;
    await closeEpisode(episode);
  }

  async #start(task: Task, split: string, request: EpisodeRequest, before: Promise<Episode> | undefined) {
    this.#current = undefined;
    await closeEpisode(before);
    const conversation = this.#options.openConversation(task, request.seed ?? 0);
    try {
      const opening = await conversation.begin();
      if (this.#isClosed) throw new SessionError('out_of_turn', 'the session was closed while its episode started');
      if (conversation.tools().some(({ name }) => name === RESPOND)) {
        throw new ConfigError(`expected a world without a tool called ${RESPOND}: that name answers the user`);
      }
      const episode: Episode = {
        id: request.episodeId ?? randomUUID(),
        task,
        split,
        conversation,
        opening,
        turn: opening.turn,
        steps: 0,
        isDone: false,
      };
      this.#current = episode;
      return episode;
    } catch (error) {
      await conversation.close();
      throw error;
    }
  }

  async #require(): Promise<Episode> {
    if (this.#isClosed) throw new SessionError('out_of_turn', 'the session is closed');
    if (this.#episode === undefined) await this.reset();
    if (this.#episode === undefined) throw new SessionError('out_of_turn', 'the session is closed');
    // Where the last reset failed, so does every step: the client asked for that episode, not for another.
    return await this.#episode;
  }

  async #respond(episode: Episode, call: ToolCall): Promise<Frame> {
    const message = respondMessage(call.arguments);
    if (message === undefined) {
      const problem: ToolResult = {
        content: `Error during execution: expected ${RESPOND} with a text as message`,
        isError: true,
        fault: 'policy',
        cause: 'invalid_arguments',
      };
      return this.#frame(episode, callObservation(RESPOND, problem), false, faultOf(problem));
    }
    const opening = await episode.conversation.respond(message);
    episode.turn = opening.turn;
    const result = {
      turn: opening.turn,
      messages: plainMessages(opening),
      ...(opening.revealedTools.length === 0 ? {} : { revealed_tools: toolList(opening.revealedTools) }),
      is_over: opening.isOver,
    };
    return this.#frame(episode, { tool_name: RESPOND, result, error: null }, opening.isOver, {});
  }

  #frame(
    episode: Episode,
    observation: Frame['observation'],
    isOver: boolean,
    fault: Readonly<Record<string, unknown>>,
  ): Frame {
    if (!isOver) {
      const metadata = Object.keys(fault).length === 0 ? {} : { metadata: fault };
      return { observation, reward: null, done: false, ...metadata };
    }
    // Another call has ended the episode meanwhile, and has the reward: it is paid once.
    if (episode.isDone) return { observation, reward: null, done: true };
    episode.isDone = true;
    const { valid, progress, details } = episode.conversation.verdict();
    const reward = valid === null ? null : this.#options.reward === 'progress' ? progress : Number(valid);
    return { observation, reward, done: true, metadata: { ...fault, verdict: details } };
  }

  #tools(conversation: Conversation): readonly ToolSpec[] {
    return [...conversation.tools(), respondTool];
  }
}

async function closeEpisode(episode: Promise<Episode> | undefined): Promise<void> {
  const ended = await episode?.catch(() => undefined);
  await ended?.conversation.close();
}

function plainMessages({ messages }: TurnOpening): { role: string; content: string }[] {
  return messages.map(({ role, content }) => ({ role, content }));
}

export function toolList(tools: readonly ToolSpec[]): { name: string; description: string; input_schema: object }[] {
  return tools.map(({ name, description, parameters }) => ({ name, description, input_schema: parameters }));
}

/**
 * By OpenEnv's contract `error` is for what goes wrong around a tool; what a tool itself says, failures included, is its
 * result.
 */
function callObservation(toolName: string, result: ToolResult): Record<string, unknown> {
  const { content, isError, cause = 'tool_error' } = result;
  const errorType = isError ? errorTypes[cause] : undefined;
  if (errorType === undefined) return { tool_name: toolName, result: content, error: null };
  const partial = cause === 'output_limit' ? content : null;
  const message = cause === 'output_limit' ? 'the result is too long and was cut' : content;
  return { tool_name: toolName, result: partial, error: { error_type: errorType, message } };
}

const errorTypes: Readonly<Record<ToolErrorCause, string | undefined>> = {
  tool_error: undefined,
  invalid_arguments: 'invalid_args',
  unknown_tool: 'tool_not_found',
  exception: 'execution_error',
  invalid_result: 'execution_error',
  output_limit: 'execution_error',
  call_deadline: 'timeout',
  episode_deadline: 'timeout',
  connection: 'transport_error',
  unavailable: 'transport_error',
};

function faultOf({ fault, cause, detail }: ToolResult): Record<string, unknown> {
  if (fault === undefined) return {};
  return { fault, ...(cause === undefined ? {} : { cause }), ...(detail === undefined ? {} : { detail }) };
}
