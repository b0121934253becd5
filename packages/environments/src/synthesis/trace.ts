import type { Task } from '@parl-mt/schema';

/** What a task's user and calls talk about. */
export type EntityKind =
  | 'file'
  | 'folder'
  | 'tweet'
  | 'ticket'
  | 'id'
  | 'value'
  | 'text'
  | 'user'
  | 'contact'
  | 'stock'
  | 'order'
  | 'token'
  | 'card'
  | 'booking'
  | 'airport'
  | 'zip';

/** How the policy can know the value of an argument. `turn` and `call` count from 0. */
export type ArgumentProvenance =
  /** This turn's user message says it: `phrase` is the part of the message that does. */
  | { readonly kind: 'stated'; readonly phrase: string }
  /**
   * The message only points at something the user named in an earlier turn ("the file you just created").
   * `literal` is what it points at, `turn` where that was first named. `phrase` may lack where only the state implies it.
   * `method` is the function that the phrase names it by, if it does ("the file you created": touch).
   */
  | {
      readonly kind: 'reference';
      readonly phrase: string;
      readonly entity: EntityKind;
      readonly literal: string;
      readonly method?: string;
      readonly turn: number;
    }
  /** The message points at what only the result of an earlier call told: `call` is its position within `turn`. */
  | {
      readonly kind: 'result';
      readonly phrase: string;
      readonly entity: EntityKind;
      readonly literal: string;
      readonly method?: string;
      readonly turn: number;
      readonly call: number;
    };

/** A value of a call's argument. Numbers are kept as text, in Python's spelling. */
export type ArgumentValue =
  | { readonly number: string }
  | string
  | boolean
  | readonly ArgumentValue[]
  | { readonly fields: readonly (readonly [key: string, value: ArgumentValue])[] };

export interface ArgumentTrace {
  readonly name: string;
  readonly value: ArgumentValue;
  /** The value as it stands in the call text. */
  readonly text: string;
  readonly provenance: ArgumentProvenance;
}

export interface CallTrace {
  readonly className: string;
  readonly method: string;
  /** The ground-truth call, `name(key='value')`. */
  readonly call: string;
  readonly arguments: readonly ArgumentTrace[];
  /** What the environment answered. */
  readonly result: string;
  /** Texts that the result tells for the first time (ids, computed values, contents), as they stand in it. */
  readonly answers: readonly string[];
  /** Whether the call changed the environment. */
  readonly changesState: boolean;
  /** The call failed in transit: it was not executed, and the next call is the same again. */
  readonly failedInTransit?: true;
  /** Path below the root after the call, such as "docs/old", "" at the root; only where files are involved. */
  readonly directory?: string;
}

export interface TurnTrace {
  readonly userMessage: string;
  readonly calls: readonly CallTrace[];
  /** The message that ends the turn, for the policy to imitate; one text per sentence. */
  readonly turnMessages: readonly string[];
}

/** How often known things were referred to: `referred` of the `eligible` places that allowed a reference. */
export interface ReferenceCount {
  readonly eligible: number;
  readonly referred: number;
}

export interface SynthesizedTask {
  readonly task: Task;
  /** One entry per turn of the task. */
  readonly trace: readonly TurnTrace[];
  readonly references: ReferenceCount;
}

/** Python text of an argument: single quotes (no value holds a quote or backslash), `True`, `[1, 'a']`, `{'k': 1}`. */
export function argumentText(value: ArgumentValue): string {
  if (typeof value === 'string') return `'${value.replace(/[\\']/g, '\\$&').replaceAll('\n', '\\n')}'`;
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if ('number' in value) return value.number;
  if ('fields' in value) return `{${value.fields.map(([key, item]) => `'${key}': ${argumentText(item)}`).join(', ')}}`;
  return `[${value.map(argumentText).join(', ')}]`;
}

/** The texts and numbers inside an argument, as a message would spell them. */
export function argumentLiterals(value: ArgumentValue): readonly string[] {
  if (typeof value === 'string') return [value];
  if (typeof value === 'boolean') return [];
  if ('number' in value) return [value.number];
  if ('fields' in value) return value.fields.flatMap(([, item]) => argumentLiterals(item));
  return value.flatMap(argumentLiterals);
}
