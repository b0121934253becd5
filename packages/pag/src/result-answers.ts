import { type LiteralValue, readJson, readPythonLiteral } from '@parl-mt/chat';
import type { CallTrace } from '@parl-mt/environments';

/** Longer texts are left in the conversation and not repeated in summaries, in characters. */
const MAX_TEXT_CHARACTERS = 48;
/** Longer lists of ids are left out: a request that points at one of them would be ambiguous. */
const MAX_IDS = 3;
/** Fields that hold the answer where a result has several. */
const ANSWER_FIELDS = ['id', 'count'];

/**
 * The values that a result tells and that a later turn may ask for: an id, a count, a computed value, a short content.
 *
 * It depends on the result alone, not on what was known before: a policy can learn it from what it sees. Status messages of
 * calls that change something, flags, lists and texts of several lines give nothing.
 */
export function resultAnswers({ result, changesState, answers }: CallTrace): readonly string[] {
  const value = readResult(result);
  if (value === undefined) {
    return answers.length === 1 ? answers.filter(isShort) : [];
  }
  if (value.kind === 'list') {
    const ids = value.items.flatMap((item) => fieldAnswers(item, ['id']));
    return ids.length === value.items.length && ids.length <= MAX_IDS ? ids : [];
  }
  const named = fieldAnswers(value, ANSWER_FIELDS);
  if (named.length > 0 || changesState || value.kind !== 'map' || value.entries.size !== 1) {
    return named;
  }
  const [only] = value.entries.values();
  return scalarAnswers(only?.kind === 'list' && only.items.length === 1 ? only.items[0] : only);
}

/** Results are JSON texts or Python reprs. */
function readResult(result: string): LiteralValue | undefined {
  for (const read of [readJson, readPythonLiteral]) {
    const parsed = read(result);
    if (parsed.ok) {
      return parsed.value;
    }
  }
  return undefined;
}

function fieldAnswers(value: LiteralValue, fields: readonly string[]): readonly string[] {
  if (value.kind !== 'map') {
    return [];
  }
  const field = fields.find((name) => value.entries.has(name));
  return field === undefined ? [] : scalarAnswers(value.entries.get(field));
}

function scalarAnswers(value: LiteralValue | undefined): readonly string[] {
  if (value?.kind === 'number') {
    return [value.text];
  }
  return value?.kind === 'string' && isShort(value.value) ? [value.value] : [];
}

function isShort(text: string): boolean {
  return text.trim() !== '' && !text.includes('\n') && text.length <= MAX_TEXT_CHARACTERS;
}
