import { UsageError } from '@parl-mt/schema';
import type { ChatFunction } from '../chat-function.js';
import { ReflectionUser, VerifyUser } from './judged-user.js';
import { LlmUser, ReactUser, type SimulatedUser } from './simulated-user.js';

export type UserStrategy = 'llm' | 'react' | 'verify' | 'reflection';

/** @throws {UsageError} for an unknown strategy, listing the known ones. */
export function createUser(strategy: UserStrategy, chat: ChatFunction): SimulatedUser {
  switch (strategy) {
    case 'llm':
      return new LlmUser(chat);
    case 'react':
      return new ReactUser(chat);
    case 'verify':
      return new VerifyUser(chat);
    case 'reflection':
      return new ReflectionUser(chat);
    default:
      throw new UsageError(
        `expected a user strategy of llm, react, verify, reflection, received ${JSON.stringify(strategy)}`,
      );
  }
}
