import { UsageError } from '@parl-mt/schema';
import type { ChatFunction } from '../chat-function.js';
import type { AgentOptions, TauAgent } from './agent.js';
import { TextAgent } from './text-agent.js';
import { ToolCallingAgent } from './tool-calling-agent.js';

export type AgentStrategy = 'tool-calling' | 'act' | 'react';

/** @throws {UsageError} for an unknown strategy, listing the known ones. */
export function createAgent(strategy: AgentStrategy, chat: ChatFunction, options: AgentOptions = {}): TauAgent {
  switch (strategy) {
    case 'tool-calling':
      return new ToolCallingAgent(chat, options);
    case 'act':
    case 'react':
      return new TextAgent(strategy, chat, options);
    default:
      throw new UsageError(
        `expected an agent strategy of tool-calling, act, react, received ${JSON.stringify(strategy)}`,
      );
  }
}
