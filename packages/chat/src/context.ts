import type { Awareness, ContextMode, ToolSpec } from '@parl-mt/schema';
import { renderCompletion } from './completion.js';
import { type Segment, special, text } from './segment.js';
import { renderTools } from './tools-text.js';

/** A finished step as the context needs it. */
export interface ContextStep {
  readonly awareness?: Awareness | undefined;
  readonly callTexts: readonly string[];
  /** Results as the policy sees them, in the order of the calls. */
  readonly results: readonly string[];
  readonly message?: string | undefined;
  /**
   * The completion as generated, `<|end|>` included: kept, never encoded again. Absent: rendered from the other fields,
   * with the awareness unless the mode is `history`.
   */
  readonly completion?: readonly Segment[] | undefined;
}

/** One message of a prompt. The object and its segments are created once, so caches may be keyed by either. */
export interface ContextMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  /** Starts with the role's special token and ends with `<|end|>`: token counts of messages add up. */
  readonly segments: readonly Segment[];
}

export interface PromptBudget {
  /** Most tokens of the prompt: maxContextTokens - maxNewTokens. */
  readonly maxPromptTokens: number;
  /** Tokens of the prompt that these messages make, the header of the answer included. More messages never have fewer. */
  readonly countTokens: (messages: readonly ContextMessage[]) => number;
}

export type RenderedPrompt =
  | {
      readonly ok: true;
      /** What the policy sees, ending in `<|assistant|>`. */
      readonly segments: readonly Segment[];
      /** The same without the final `<|assistant|>`, message by message. */
      readonly messages: readonly ContextMessage[];
      readonly tokens: number;
      /** Messages left out for the budget, oldest first. */
      readonly dropped: number;
    }
  | {
      readonly ok: false;
      readonly reason: 'context_overflow';
      /** Tokens of what can never be dropped: system message, current user messages, generation prompt. */
      readonly requiredTokens: number;
      readonly maxPromptTokens: number;
    };

/** `<|assistant|>`: generation starts after it. One shared array, for caches. */
export const GENERATION_PROMPT: readonly Segment[] = [special('<|assistant|>')];

interface TurnRecord {
  readonly userMessages: readonly ContextMessage[];
  /** One entry per step: the assistant message followed by its tool messages. */
  readonly steps: (readonly ContextMessage[])[];
}

/**
 * The conversation of one episode and the prompt of its next step.
 *
 * - `awareness`: system, the last step of the former turn (until this turn has one), user messages, the last step of this turn;
 * - `awareness+turn`: system, the last step of the former turn, user messages, every step of this turn: within a turn each
 *   prompt continues the one before it, so that a turn is prefilled, and trained on, once;
 * - `history` and `history+awareness`: every message in order; without or with the awareness of each step.
 *
 * When the budget is short, whole messages are left out, oldest first; tool messages go with their assistant message; the
 * system message and the current user messages stay.
 */
export class ConversationContext {
  private readonly turns: TurnRecord[] = [];
  private system: ContextMessage;

  /**
   * @param system - functions of the system message (equal arrays share one message object), or its finished text, such
   *   as a dataset record keeps it.
   */
  constructor(
    system: readonly ToolSpec[] | string,
    readonly mode: ContextMode,
  ) {
    this.system = typeof system === 'string' ? textMessage('system', system) : systemMessage(system);
  }

  /** Opens a turn. `revealedTools` are appended to the functions of the system message from now on. */
  beginTurn(userMessages: readonly string[], revealedTools: readonly ToolSpec[] = []): void {
    if (revealedTools.length > 0) {
      const before = this.system.segments
        .flatMap((segment) => (segment.kind === 'text' ? [segment.text] : []))
        .join('');
      this.system = textMessage(
        'system',
        [before, renderTools(revealedTools)].filter((part) => part !== '').join('\n'),
      );
    }
    this.turns.push({ userMessages: userMessages.map((content) => textMessage('user', content)), steps: [] });
  }

  /** Appends a step to the current turn. */
  addStep(step: ContextStep): void {
    const completion =
      step.completion ??
      renderCompletion(this.mode === 'history' ? { callTexts: step.callTexts, message: step.message } : step);
    const assistant: ContextMessage = {
      role: 'assistant',
      segments: [special('<|assistant|>'), ...completion.map(withoutLoss)],
    };
    this.turns.at(-1)?.steps.push([assistant, ...step.results.map((result) => textMessage('tool', result))]);
  }

  /** The prompt of the next step within the budget, or the overflow if even the minimum does not fit. */
  renderPrompt(budget: PromptBudget): RenderedPrompt {
    const { system } = this;
    const current = this.turns.at(-1)?.userMessages ?? [];
    const units = this.selectUnits();
    const requiredTokens = budget.countTokens([system, ...current]);
    if (requiredTokens > budget.maxPromptTokens) {
      return { ok: false, reason: 'context_overflow', requiredTokens, maxPromptTokens: budget.maxPromptTokens };
    }

    const keeping = (from: number): readonly ContextMessage[] => [
      system,
      ...units.filter((unit, index) => index >= from || unit === current).flat(),
    ];
    // The fewest units left out, oldest first. Most prompts fit whole; else the count falls with every unit.
    let kept = 0;
    let messages = keeping(kept);
    let tokens = budget.countTokens(messages);
    if (tokens > budget.maxPromptTokens) {
      let tooFew = 0;
      kept = units.length;
      while (kept - tooFew > 1) {
        const middle = (kept + tooFew) >> 1;
        if (budget.countTokens(keeping(middle)) <= budget.maxPromptTokens) kept = middle;
        else tooFew = middle;
      }
      messages = keeping(kept);
      tokens = budget.countTokens(messages);
    }
    const dropped = units.slice(0, kept).reduce((sum, unit) => sum + (unit === current ? 0 : unit.length), 0);
    const segments = [...messages.flatMap((message) => message.segments), ...GENERATION_PROMPT];
    return { ok: true, segments, messages, tokens, dropped };
  }

  /** Messages after the system message in the order of the prompt, grouped into units that are kept or dropped whole. */
  private selectUnits(): (readonly ContextMessage[])[] {
    const turn = this.turns.at(-1);
    if (turn === undefined) {
      return [];
    }
    if (this.mode === 'history' || this.mode === 'history+awareness') {
      return this.turns.flatMap(({ userMessages, steps }) => [userMessages, ...steps]);
    }
    const lastStep = turn.steps.at(-1);
    if (this.mode === 'awareness' && lastStep !== undefined) {
      return [turn.userMessages, lastStep];
    }
    const formerStep = this.turns
      .slice(0, -1)
      .findLast(({ steps }) => steps.length > 0)
      ?.steps.at(-1);
    return [...(formerStep === undefined ? [] : [formerStep]), turn.userMessages, ...turn.steps];
  }
}

const systemMessages = new WeakMap<readonly ToolSpec[], ContextMessage>();

/** The system message of a list of functions; one object per list, so that all episodes of a task share it. */
function systemMessage(tools: readonly ToolSpec[]): ContextMessage {
  let message = systemMessages.get(tools);
  if (message === undefined) {
    message = textMessage('system', renderTools(tools));
    systemMessages.set(tools, message);
  }
  return message;
}

const ROLE_TOKENS = { system: '<|system|>', user: '<|user|>', tool: '<|tool|>' } as const;

/** A message of text; none of it is a special token. */
export function textMessage(role: keyof typeof ROLE_TOKENS, content: string): ContextMessage {
  return { role, segments: [special(ROLE_TOKENS[role]), text(content), special('<|end|>')] };
}

function withoutLoss(segment: Segment): Segment {
  const { trained: _, ...rest } = segment;
  return rest;
}
