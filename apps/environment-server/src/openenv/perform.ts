import { JsonSyntaxError } from '@parl-mt/environments/json-text';
import { memberText } from '../arguments-text.js';
import type { EpisodeSession, Frame } from '../episode-session.js';
import { actionSchema, BodyError, parseBody, resetSchema } from './messages.js';

/** @throws {BodyError} for arguments of the wrong type; otherwise as {@link EpisodeSession.reset}. */
export async function performReset(session: EpisodeSession, value: unknown, where: readonly string[]): Promise<Frame> {
  const { seed, episode_id, task_id, split, index } = parseBody(resetSchema, value, where);
  return await session.reset({
    seed: seed ?? undefined,
    episodeId: episode_id ?? undefined,
    taskId: task_id ?? undefined,
    split: split ?? undefined,
    index: index ?? undefined,
  });
}

/**
 * Does an action.
 *
 * @param value - the action, parsed.
 * @param text - the request that the action came in: arguments are taken from it as they are spelled.
 * @param path - where in that text the action stands.
 * @throws {BodyError} for what is no action; otherwise as {@link EpisodeSession.callTool}.
 */
export async function performStep(
  session: EpisodeSession,
  value: unknown,
  text: string,
  path: readonly string[],
  timeoutSeconds?: number,
): Promise<Frame> {
  const action = parseBody(actionSchema, value, path);
  if (action.type === 'list_tools') return await session.listTools();
  const call = { name: action.tool_name, arguments: argumentsText(text, [...path, 'arguments']) };
  if (timeoutSeconds === undefined) return await session.callTool(call);
  // A timer takes whole milliseconds only.
  const timeoutMs = Math.min(Math.ceil(timeoutSeconds * 1000), MAX_TIMEOUT_MS);
  return await session.callTool(call, AbortSignal.timeout(timeoutMs));
}

/** Longest time that a timer can wait. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** @throws {BodyError} for arguments nested too deep. */
export function argumentsText(text: string, path: readonly string[]): string {
  try {
    return memberText(text, path) ?? '{}';
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw new BodyError([{ type: 'too_deep', loc: path, msg: error.message }]);
  }
}
