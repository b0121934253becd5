import { createHash } from 'node:crypto';
import type { ChatMessage, ChatReplyMessage } from '@parl-mt/schema';
import type { AgentOutcome } from '../agents/agent.js';
import { type AgentStrategy, createAgent } from '../agents/create-agent.js';
import type { ChatFunction, ChatFunctionRequest } from '../chat-function.js';
import { EpisodeCrash, ScriptedUser, TauEpisode } from '../episode.js';
import type { TraceCheck } from './suite.js';
import { differing, differingUnordered, type TraceRecord } from './trace-record.js';

/** A scripted model plays the agent: the whole conversation, the reward, what was sent, and the exception of a crash. */
export const agentDifferences: TraceCheck = async (record, worlds) => {
  const world = worlds(record.text('domain'));
  const task = world.tasks(record.text('split'))[record.number('index')];
  if (task === undefined) return ['the task is not in the data'];
  const requests: ChatFunctionRequest[] = [];
  const script = record.list('script').map((_, index) => replyAt(record, index));
  const chat: ChatFunction = async (request) => {
    const message = script[requests.length];
    requests.push(request);
    if (message === undefined) throw new RangeError('the script has no answer left');
    return { message, costUsd: 1 };
  };
  const agent = createAgent(record.text('strategy') as AgentStrategy, chat, {
    ...(record.has('max_num_steps') ? { maxSteps: record.number('max_num_steps') } : {}),
  });
  const user = new ScriptedUser(record.texts('user_lines'), record.text('user_first_line'));
  let outcome: AgentOutcome | undefined;
  let exception: string | undefined;
  try {
    outcome = await agent.run(new TauEpisode(world, task, user));
  } catch (error) {
    if (!(error instanceof EpisodeCrash)) throw error;
    exception = error.exception;
  }
  return [
    ...differing('raises', record.raw('raises') ?? null, exception ?? null),
    ...differing('n_model_calls', record.number('n_model_calls'), agent.modelCalls),
    ...differing('temperature', record.plain('temperature'), requests[0]?.temperature ?? null),
    ...differing('n_tools_sent', record.number('n_tools_sent'), requests[0]?.tools?.length ?? 0),
    ...(outcome === undefined ? [] : outcomeDifferences(record, outcome, agent.messages, agent.costUsd)),
  ];
};

function outcomeDifferences(
  record: TraceRecord,
  outcome: AgentOutcome,
  messages: readonly ChatMessage[],
  costUsd: number | undefined,
): string[] {
  const [system, ...rest] = messages;
  const prompt = system?.content ?? '';
  const { details } = outcome;
  const info = details === undefined ? null : { reward: details.reward, info: details.info };
  return [
    ...differing('reward', record.plain('reward'), outcome.reward),
    ...differingUnordered('reward_info', record.plain('reward_info') ?? null, info),
    ...differing('system prompt', record.text('system_prompt_sha256'), sha256(prompt)),
    ...(record.has('system_prompt_tail') && !prompt.endsWith(record.text('system_prompt_tail'))
      ? ['the system prompt ends in another way']
      : []),
    ...differingUnordered('messages', (record.plain('messages') as unknown[]).slice(1), rest),
    // The reference reports no cost for its text agents.
    ...(record.has('total_cost') ? differing('total_cost', record.plain('total_cost'), costUsd) : []),
  ];
}

function replyAt(record: TraceRecord, index: number): ChatReplyMessage {
  const value = record.list('script')[index];
  if (typeof value === 'string') return { role: 'assistant', content: value };
  return (record.plain('script') as ChatReplyMessage[])[index] as ChatReplyMessage;
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}
