import type { ChatReplyMessage } from '@parl-mt/schema';
import { pyContains } from '../../bfcl/python/compare.js';
import { itemAt } from '../../bfcl/python/subscript.js';
import { stripSpaces } from '../../bfcl/python/text.js';
import { PythonError } from '../../bfcl/python/value.js';
import type { ChatFunction } from '../chat-function.js';
import { EpisodeCrash, type TauEpisode, type TauStep } from '../episode.js';
import { RESPOND, type TauAction } from '../task.js';
import { type AgentOptions, actionOf, parseJson, respond, TauAgent } from './agent.js';
import { textAgentPrompt } from './prompts.js';

/** `act` and `react`: actions as JSON in the text, after the last `Action:`. */
export class TextAgent extends TauAgent {
  readonly #strategy: 'act' | 'react';

  constructor(strategy: 'act' | 'react', chat: ChatFunction, options: AgentOptions = {}) {
    super(chat, options);
    this.#strategy = strategy;
  }

  protected systemPrompt({ world }: TauEpisode): string {
    return textAgentPrompt(this.#strategy, world.wiki, world.toolsText);
  }

  protected async act(episode: TauEpisode): Promise<TauStep> {
    const message = await this.complete();
    const action = actionFrom(message);
    const step = await episode.step(action);
    const content = action.name === RESPOND ? step.observation : `API output: ${step.observation}`;
    this.messages.push({ role: 'assistant', content: message.content }, { role: 'user', content });
    return step;
  }
}

/** The action of a text; a text that is no JSON is said to the user. */
function actionFrom({ content }: ChatReplyMessage): TauAction {
  if (content === null) throw new EpisodeCrash('AttributeError', 'expected a text, the model sent none');
  const text = stripSpaces(content.split('Action:').at(-1) as string);
  const parsed = parseJson(text);
  if (parsed === undefined) return respond(text);
  try {
    for (const key of ['name', 'arguments']) {
      if (!pyContains(parsed, key)) throw new PythonError('AssertionError', `expected "${key}" in the action`);
    }
    return actionOf(itemAt(parsed, 'name'), itemAt(parsed, 'arguments'));
  } catch (error) {
    if (error instanceof PythonError) throw new EpisodeCrash(error.type, error.message, { cause: error });
    throw error;
  }
}
