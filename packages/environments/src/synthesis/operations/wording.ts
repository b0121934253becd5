import { fill } from '../phrasing.js';
import type { ArgumentValue } from '../trace.js';
import type { CallOptions, PlannedArgument, Spoken, TurnDraft } from '../turn-draft.js';

/** A query: the call may not change the state. */
export const unchanged: CallOptions = { changes: false };
/** The call must change the state. */
export const changing: CallOptions = { changes: true };

/** One of the templates, filled. */
export function word(
  draft: TurnDraft,
  templates: readonly string[],
  slots: Readonly<Record<string, string>> = {},
): string {
  return fill(draft.pickWording(templates), slots);
}

/** A text argument that the message states in quotes. */
export function statedText(draft: TurnDraft, name: string, value: string): PlannedArgument {
  return { name, value, provenance: draft.stated(`'${value}'`) };
}

/** An argument whose value is what the words mean. */
export function spokenArgument(name: string, { literal, provenance }: Spoken): PlannedArgument {
  return { name, value: literal, provenance };
}

/** As `spokenArgument`, for a number or an id. */
export function spokenNumber(name: string, { literal, provenance }: Spoken): PlannedArgument {
  const value: ArgumentValue = { number: literal };
  return { name, value, provenance };
}

/** A field of a JSON result as text; integers and texts only. */
export function fieldOf(result: unknown, field: string): string {
  return String((result as Readonly<Record<string, unknown>>)[field]);
}

/** A list field of a JSON result as texts. */
export function listOf(result: unknown, field: string): string[] {
  return ((result as Readonly<Record<string, unknown>>)[field] as unknown[]).map(String);
}
