import type { Entity } from '../entities.js';
import type { TurnDraft } from '../turn-draft.js';
import { newUserName } from '../vocabulary.js';
import { familiarity } from './content.js';

/** Chance that a new name comes up although known ones would fit. */
const NEW_USER_CHANCE = 0.35;

/** A user that fits: one the conversation met, or a new name. */
export function pickUser(draft: TurnDraft, fits: (name: string) => boolean): Entity {
  const known = draft.scenario.registry.known('user').filter((entity) => fits(entity.literal));
  const taken = new Set(draft.scenario.users.keys());
  const isNew = known.length === 0 || draft.random.chance(NEW_USER_CHANCE);
  const name = isNew ? undefined : draft.random.pickWeighted(known, (entity) => familiarity(draft, entity))!.literal;
  if (name !== undefined) return userEntity(draft, name);
  for (;;) {
    const candidate = newUserName(draft.random, taken);
    if (fits(candidate)) return userEntity(draft, candidate);
  }
}

/** The entity of a user name, made at its first use. */
export function userEntity(draft: TurnDraft, name: string): Entity {
  const { users, registry } = draft.scenario;
  const known = users.get(name);
  if (known !== undefined) return known;
  const entity = registry.add('user', name);
  users.set(name, entity);
  return entity;
}
