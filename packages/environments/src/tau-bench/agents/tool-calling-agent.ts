import type { ChatReplyMessage } from '@parl-mt/schema';
import { EpisodeCrash, type TauEpisode, type TauStep } from '../episode.js';
import { RESPOND, type TauAction } from '../task.js';
import { actionOf, parseJson, respond, TauAgent } from './agent.js';

/** `tool-calling`: native function calls, of which the first counts; text without one goes to the user. */
export class ToolCallingAgent extends TauAgent {
  protected systemPrompt({ world }: TauEpisode): string {
    return world.wiki;
  }

  protected async act(episode: TauEpisode): Promise<TauStep> {
    const message = await this.complete({ tools: episode.world.chatTools });
    const action = actionFrom(message);
    const step = await episode.step(action);
    const call = message.tool_calls?.[0];
    if (call === undefined || action.name === RESPOND) {
      this.messages.push(message, { role: 'user', content: step.observation });
    } else {
      this.messages.push(
        { ...message, tool_calls: [call] },
        { role: 'tool', tool_call_id: call.id, name: call.function.name, content: step.observation },
      );
    }
    return step;
  }
}

function actionFrom({ content, tool_calls }: ChatReplyMessage): TauAction {
  const call = tool_calls?.[0]?.function;
  // Servers exist that send null here.
  if (call === undefined || call === null) return respond(content);
  const kwargs = parseJson(call.arguments);
  if (kwargs === undefined) {
    throw new EpisodeCrash('JSONDecodeError', `expected the arguments of ${call.name} to be JSON`);
  }
  return actionOf(call.name, kwargs);
}
