import { parseCallText, renderCallText, renderTools } from '@parl-mt/chat';
import type { SynthesizedTask } from '@parl-mt/environments';
import { type Awareness, ConfigError, type Message, type ToolCall, type ToolSpec } from '@parl-mt/schema';

/** What the policy is to say at a decision, and what came back. */
export interface TargetStep {
  readonly turn: number;
  readonly step: number;
  /** One canonical call text, or none where the turn ends. */
  readonly callTexts: readonly string[];
  readonly message?: string;
  readonly results: readonly string[];
}

/** The decisions of a task in order: one call per step, then the step that ends the turn. */
export function targetSteps({ task, trace }: SynthesizedTask): TargetStep[] {
  return trace.flatMap(({ calls, turnMessages }, turn) => [
    ...calls.map((call, step) => ({
      turn,
      step,
      callTexts: [canonicalCallText(call.call, `task ${task.id}, turn ${turn}, call ${step}`)],
      results: [call.result],
    })),
    { turn, step: calls.length, callTexts: [], message: turnMessages.join(' '), results: [] },
  ]);
}

/** Functions on offer in a turn. */
export function toolsAt({ task }: SynthesizedTask, turn: number): readonly ToolSpec[] {
  const revealed = new Set(task.turns.slice(0, turn + 1).flatMap(({ revealedTools }) => revealedTools ?? []));
  const added = (task.heldOutTools ?? []).filter(({ name }) => revealed.has(name));
  return added.length === 0 ? task.tools : [...task.tools, ...added];
}

/** The system message: compact signatures of the functions. */
export function systemMessage(tools: readonly ToolSpec[]): Message {
  return { role: 'system', content: renderTools(tools) };
}

/** User messages that open a turn. */
export function userMessages({ task, trace }: SynthesizedTask, turn: number): Message[] {
  const messages = task.turns[turn]?.messages ?? [];
  return messages.length > 0 ? [...messages] : [{ role: 'user', content: trace[turn]?.userMessage ?? '' }];
}

/** What a step adds to the conversation: the assistant message and the results of its calls. */
export function stepMessages(target: TargetStep, awareness: Awareness): Message[] {
  const toolCalls = target.callTexts.map((callText) => readCall(callText, 'canonical call text'));
  return [
    {
      role: 'assistant',
      content: target.message ?? '',
      awareness,
      ...(toolCalls.length > 0 ? { toolCalls } : {}),
    },
    ...target.results.map((content): Message => ({ role: 'tool', content })),
  ];
}

/**
 * Current user message and the interactions since the last awareness, in the order in which the policy sees them.
 *
 * @param history - everything before the step, system message first.
 */
export function contextMessages(history: readonly Message[]): Message[] {
  const last = history.findLastIndex(({ role }) => role === 'assistant');
  const interactions = last === -1 ? [] : history.slice(last).filter(({ role }) => role !== 'user');
  const isTurnStart = history.at(-1)?.role === 'user';
  const lastUser = history.findLastIndex(({ role }) => role === 'user');
  let firstUser = lastUser;
  while (history[firstUser - 1]?.role === 'user') {
    firstUser -= 1;
  }
  const user = lastUser === -1 ? [] : history.slice(firstUser, lastUser + 1);
  return isTurnStart ? [...interactions, ...user] : [...user, ...interactions];
}

function canonicalCallText(callText: string, where: string): string {
  return renderCallText(readCall(callText, where));
}

function readCall(callText: string, where: string): ToolCall {
  const parsed = parseCallText(callText);
  if (!parsed.ok) {
    throw new ConfigError(
      `${where}: expected a Python call with keyword arguments, received ${callText.slice(0, 120)} (${parsed.error.message})`,
    );
  }
  return parsed.call;
}
