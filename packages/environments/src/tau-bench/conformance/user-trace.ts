import type { ChatMessage } from '@parl-mt/schema';
import type { ChatFunction } from '../chat-function.js';
import { EpisodeCrash } from '../episode.js';
import { createUser, type UserStrategy } from '../users/create-user.js';
import { VerifyUser } from '../users/judged-user.js';
import type { SimulatedUser } from '../users/simulated-user.js';
import type { TraceCheck } from './suite.js';
import { differing, type TraceRecord } from './trace-record.js';

/** How the traces write the reference's message object, whose print depends on its library. */
class TracedVerifyUser extends VerifyUser {
  protected override printMessage(): string {
    return '<message object>';
  }
}

/** A scripted model plays the user: what it was sent, what came out, and the history left behind. */
export const userDifferences: TraceCheck = async (record, _worlds, { also }) => {
  const script = record.texts('script');
  const sent: ChatMessage[][] = [];
  let next = 0;
  const chat: ChatFunction = async ({ messages }) => {
    sent.push([...messages]);
    const content = script[next++];
    if (content === undefined) throw new RangeError('the script has no answer left');
    return { message: { role: 'assistant', content }, costUsd: 1 };
  };
  const strategy = record.text('strategy') as UserStrategy;
  const user = strategy === 'verify' ? new TracedVerifyUser(chat) : createUser(strategy, chat);
  const problems: string[] = [];
  for (const event of record.records('events')) {
    sent.length = 0;
    const found = [
      ...(await eventDifferences(user, event)),
      ...differing(
        'model_calls',
        event.records('model_calls').map((call) => call.plain('messages')),
        sent,
      ),
    ];
    also('events', found.length === 0);
    problems.push(...found);
  }
  const history = user.messages.map(({ role, content }) => ({ role, content }));
  return [
    ...problems,
    ...differing('final_messages', record.plain('final_messages'), history),
    ...differing('total_cost', record.plain('total_cost'), user.lastCostUsd),
    ...differing('unused_script', record.texts('unused_script'), script.slice(next)),
  ];
};

async function eventDifferences(user: SimulatedUser, event: TraceRecord): Promise<string[]> {
  const op = event.text('op');
  try {
    const returned = await perform(user, event);
    return [
      ...differing(`${op} raises`, event.raw('raises') ?? null, null),
      ...differing(`${op} returned`, event.raw('returned') ?? null, returned),
    ];
  } catch (error) {
    if (!(error instanceof EpisodeCrash)) throw error;
    return differing(`${op} raises`, event.raw('raises') ?? null, error.exception);
  }
}

async function perform(user: SimulatedUser, event: TraceRecord): Promise<string | null> {
  switch (event.text('op')) {
    case 'construct':
      await user.constructAsReference();
      return null;
    case 'reset':
      return user.reset(event.has('instruction') ? event.text('instruction') : null);
    default:
      return user.step(event.has('content') ? event.text('content') : null);
  }
}
