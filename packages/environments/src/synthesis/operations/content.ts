import type { Entity } from '../entities.js';
import type { Spoken, TurnDraft } from '../turn-draft.js';
import { newText } from '../vocabulary.js';

/**
 * A text to write, post or file: a new one that the user states, or what an earlier call found out (a computed value, a
 * line, a content), stated again or pointed at.
 *
 * @param usable - which known texts fit.
 */
export function chooseText(draft: TurnDraft, usable: (text: string) => boolean = () => true): Spoken {
  const { random, scenario } = draft;
  const known = (['value', 'text', 'id'] as const)
    .flatMap((kind) => scenario.registry.known(kind))
    .filter((entity) => isShortText(entity.literal) && usable(entity.literal))
    .filter((entity) => draft.isKnown(entity) || entity === draft.focus);
  const entity = random.pickWeighted<Entity | undefined>([undefined, ...known], (candidate) => {
    if (candidate === undefined) return 4;
    if (candidate === draft.focus) return 8;
    return candidate.kind === 'id' ? 0.7 : 2;
  });
  if (entity !== undefined) return draft.refer(entity);
  const text = newText(random);
  return { phrase: `'${text}'`, literal: text, provenance: draft.stated(`'${text}'`) };
}

/** One line of a few words: what a small policy can copy. */
export function isShortText(text: string): boolean {
  return !text.includes('\n') && text.split(' ').length <= 4;
}

/** Chance weights for picking among things: what this turn talks about, then what earlier turns met, then the rest. */
export function familiarity(draft: TurnDraft, entity: Entity): number {
  if (entity === draft.focus) return 10;
  if (!draft.isKnown(entity)) return 1;
  // Older things weigh more, so that distances between creation and reuse vary.
  return (6 + 3 * (draft.turn - entity.known!.turn)) * restedness(draft, entity);
}

/** In (0, 1]: steeply less for what was talked about fewer turns ago than the knob asks. */
function restedness(draft: TurnDraft, entity: Entity): number {
  const rest = Math.max(1, draft.turn - (entity.lastMention ?? entity.known!).turn);
  return Math.min(1, rest / draft.task.referenceReach) ** 4;
}
