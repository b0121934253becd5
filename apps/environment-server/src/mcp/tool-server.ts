import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import {
  type CallToolRequest,
  CallToolRequestSchema,
  type CallToolResult,
  ListToolsRequestSchema,
  type ListToolsResult,
} from '@modelcontextprotocol/sdk/types.js';
import type { ToolSpec } from '@parl-mt/schema';
import type { EpisodeSession, Frame } from '../episode-session.js';
import { BodyError } from '../openenv/messages.js';
import { performReset } from '../openenv/perform.js';
import { RESPOND } from '../respond-tool.js';
import { SessionError } from '../session-error.js';
import { ARGUMENTS_META } from './arguments-meta.js';

/** Name of the tool that starts an episode. */
export const START_EPISODE = 'start_episode';

const startEpisodeTool: ToolSpec = {
  name: START_EPISODE,
  description:
    'Start a new episode; the one before is lost. The result is what the user says. Without arguments it is the first task.',
  parameters: {
    type: 'object',
    properties: {
      task_id: { type: 'string', description: 'Task to start.' },
      split: { type: 'string', description: 'Split of the task; absent: the first.' },
      index: { type: 'integer', minimum: 0, description: 'Position of the task in its split.' },
      seed: { type: 'integer', minimum: 0, description: 'Picks a task, the same for the same seed.' },
      episode_id: { type: 'string', maxLength: 255, description: 'Name of the episode.' },
    },
  },
};

const INSTRUCTIONS = `The tools of this server belong to a world with a task in it. ${START_EPISODE} starts an episode and says what the user wants; ${RESPOND} answers the user and ends your turn. Which other tools there are depends on the task.`;

/**
 * An MCP server over one session: the tools of its world, `start_episode` and `respond`. Calls may run at once.
 *
 * @param session - asked for with the first tool request, so that the handshake does not wait for the tasks.
 * @param onError - for failures nobody foresaw.
 */
export function createToolServer(
  session: () => Promise<EpisodeSession>,
  { name, version, onError }: { name: string; version: string; onError: (error: unknown) => void },
): Server {
  const server = new Server(
    { name, version },
    { capabilities: { tools: { listChanged: true } }, instructions: INSTRUCTIONS },
  );
  server.onerror = onError;
  server.setRequestHandler(ListToolsRequestSchema, async (): Promise<ListToolsResult> => {
    const tools = [startEpisodeTool, ...(await (await session()).tools())];
    return {
      tools: tools.map(({ name: toolName, description, parameters }) => ({
        name: toolName,
        description,
        inputSchema: { ...parameters, type: 'object' },
      })),
    };
  });
  server.setRequestHandler(CallToolRequestSchema, async (request, { signal }): Promise<CallToolResult> => {
    try {
      const frame = await perform(await session(), request, signal);
      if (changesTools(request.params.name, frame)) await server.sendToolListChanged();
      return resultOf(frame);
    } catch (error) {
      if (!(error instanceof SessionError) && !(error instanceof BodyError)) onError(error);
      return {
        content: [{ type: 'text', text: error instanceof Error ? error.message : String(error) }],
        isError: true,
      };
    }
  });
  return server;
}

async function perform(session: EpisodeSession, { params }: CallToolRequest, signal: AbortSignal): Promise<Frame> {
  const { name, arguments: args = {}, _meta: meta } = params;
  if (name === START_EPISODE) return await performReset(session, args, ['arguments']);
  const spelled = meta?.[ARGUMENTS_META];
  const text = typeof spelled === 'string' ? spelled : JSON.stringify(args);
  return await session.callTool({ name, arguments: text }, signal);
}

function changesTools(name: string, { observation }: Frame): boolean {
  if (name === START_EPISODE) return true;
  return name === RESPOND && typeof observation.result === 'object' && 'revealed_tools' in (observation.result ?? {});
}

/** Text for the model; the same and more, structured, for whoever runs it. */
function resultOf(frame: Frame): CallToolResult {
  const { observation, reward, done, metadata = {} } = frame;
  const { error, result } = observation as { error?: { message: string } | null; result?: unknown };
  const structured = { ...observation, reward, done, metadata };
  if (error !== undefined && error !== null) {
    const text = typeof result === 'string' ? result : error.message;
    return { content: [{ type: 'text', text }], structuredContent: structured, isError: true };
  }
  const text = typeof result === 'string' ? result : conversationText(result ?? observation, done);
  return {
    content: [{ type: 'text', text }],
    structuredContent: structured,
    ...(metadata.fault === undefined ? {} : { isError: true }),
  };
}

/** What the user says. */
function conversationText(heard: unknown, done: boolean): string {
  if (done) return 'The conversation is over.';
  const {
    messages,
    instructions,
    revealed_tools: revealed,
  } = heard as {
    readonly messages: readonly { readonly role: string; readonly content: string }[];
    readonly instructions?: string;
    readonly revealed_tools?: readonly { readonly name: string }[];
  };
  const lines = messages.map(({ role, content }) => `${role}: ${content}`);
  if (instructions !== undefined) lines.unshift(`system: ${instructions}`);
  if (revealed !== undefined) lines.push(`(New tools: ${revealed.map(({ name }) => name).join(', ')}.)`);
  return lines.length === 0 ? '(The user says nothing: use the tools as you like.)' : lines.join('\n');
}
