import { UsageError } from '@parl-mt/schema';
import { expect, test } from 'vitest';
import type { ChatFunction } from '../chat-function.js';
import { EpisodeCrash } from '../episode.js';
import { createUser, type UserStrategy } from './create-user.js';

/** A user over scripted answers, and the last message of each request. */
function played(strategy: UserStrategy, answers: (string | null)[]) {
  const asked: string[] = [];
  const chat: ChatFunction = async ({ messages, temperature }) => {
    expect(temperature).toBeUndefined();
    asked.push(messages.at(-1)?.content ?? 'null');
    return { message: { role: 'assistant', content: answers[asked.length - 1] ?? null } };
  };
  return { user: createUser(strategy, chat), asked };
}

test('roles are swapped: its own lines are the assistant’s, the agent’s are the user’s', async () => {
  const { user } = played('llm', ['I want X.', 'Yes.']);
  expect(await user.reset('You want X.')).toBe('I want X.');
  expect(await user.step('Sure?')).toBe('Yes.');
  expect(user.messages.slice(1)).toEqual([
    { role: 'user', content: 'Hi! How can I help you today?' },
    { role: 'assistant', content: 'I want X.' },
    { role: 'user', content: 'Sure?' },
    { role: 'assistant', content: 'Yes.' },
  ]);
  expect(user.messages[0]?.content).toContain('\n\nInstruction: You want X.\n');
});

test('verify says its third candidate even where that is refused, and does not remember it', async () => {
  const { user, asked } = played('verify', ['a', 'false', 'b', 'no', 'c', 'false', 'd', 'TRUE.']);
  expect(await user.reset(null)).toBe('c');
  expect(user.messages.some(({ content }) => content === 'c')).toBe(false);
  expect(asked[1]).toContain("Message(content='a', role='assistant'");
  expect(await user.step('Hello?')).toBe('d');
  expect(user.messages.at(-1)).toEqual({ role: 'assistant', content: 'd' });
});

test('reflection says the second line where it is accepted, else the first, and remembers both', async () => {
  const answers = ['first', 'false', 'Reflection: r\nResponse: better', 'second'];
  const accepted = played('reflection', [...answers, 'true']);
  expect(await accepted.user.reset(null)).toBe('second');
  expect(accepted.asked[3]).toBe('better');
  const refused = played('reflection', [...answers, 'false']);
  expect(await refused.user.reset(null)).toBe('first');
  for (const { user } of [accepted, refused]) {
    expect(user.messages.slice(2).map(({ content }) => content)).toEqual(['first', 'second']);
  }
});

test.each<[UserStrategy, (string | null)[], string]>([
  ['react', ['neither label'], 'ValueError'],
  ['react', ['Thought: a Thought: b'], 'ValueError'],
  ['reflection', ['a', 'false', 'no label'], 'ValueError'],
  ['llm', [null], 'TypeError'],
])('%s cannot read %j', async (strategy, answers, exception) => {
  const error = await played(strategy, answers)
    .user.reset(null)
    .catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(EpisodeCrash);
  expect((error as EpisodeCrash).exception).toBe(exception);
});

test('an unknown strategy lists the known ones', () => {
  expect(() => played('human' as UserStrategy, [])).toThrow(UsageError);
});
