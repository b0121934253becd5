import { type ToolCall, UsageError } from '@parl-mt/schema';
import { readJson } from '../json-reader.js';
import { type LiteralValue, MAX_LITERAL_LENGTH, writeJson } from '../literal-value.js';
import { CallFailure, quote } from './call-reader.js';

/** Finds the end of a JSON object in text that comes in pieces; brackets inside strings do not count. */
export class JsonObjectScanner {
  private position = 0;
  private depth = 0;
  private isInString = false;
  private isEscaped = false;

  /**
   * @param text - begins with the object's brace; the same text as before and possibly more.
   * @returns the length of the object; undefined while it is not complete.
   */
  scan(text: string): number | undefined {
    for (; this.position < text.length; this.position++) {
      const unit = text[this.position];
      if (this.isInString) {
        if (this.isEscaped) this.isEscaped = false;
        else if (unit === '\\') this.isEscaped = true;
        else if (unit === '"') this.isInString = false;
      } else if (unit === '"') this.isInString = true;
      else if (unit === '{' || unit === '[') this.depth += 1;
      else if (unit === '}' || unit === ']') {
        this.depth -= 1;
        if (this.depth === 0) return this.position + 1;
      }
    }
    return undefined;
  }
}

/** @throws {CallFailure} when a text that is not complete yet is longer than any call may be. */
export function checkLength(text: string, offset: number): void {
  if (text.length > MAX_LITERAL_LENGTH) {
    throw new CallFailure('syntax', `expected a call of at most ${MAX_LITERAL_LENGTH} characters`, offset);
  }
}

/** Reads the JSON text of an object at an offset of the whole text. @throws {CallFailure} */
export function readObject(source: string, offset: number): ReadonlyMap<string, LiteralValue> {
  const parsed = readJson(source);
  if (!parsed.ok) throw new CallFailure('syntax', parsed.error.message, offset + parsed.error.position);
  if (parsed.value.kind !== 'map')
    throw new CallFailure('shape', `expected a JSON object, received ${quote(source)}`, offset);
  return parsed.value.entries;
}

/**
 * The call that an object describes. Arguments may be absent, or the JSON text of an object as a string, as some models write.
 *
 * @param keys - names under which the arguments may stand.
 * @throws {CallFailure} kind shape.
 */
export function callOf(entries: ReadonlyMap<string, LiteralValue>, keys: readonly string[], offset: number): ToolCall {
  const name = entries.get('name');
  if (name?.kind !== 'string' || name.value === '') {
    throw new CallFailure('shape', 'expected "name" to be a string that is not empty', offset);
  }
  const key = keys.find((candidate) => entries.has(candidate));
  let value: LiteralValue = (key === undefined ? undefined : entries.get(key)) ?? { kind: 'map', entries: new Map() };
  if (value.kind === 'string') {
    const inner = readJson(value.value);
    if (inner.ok) value = inner.value;
  }
  if (value.kind !== 'map') {
    throw new CallFailure(
      'shape',
      `expected ${JSON.stringify(key)} of ${name.value} to be an object, received a ${value.kind}`,
      offset,
    );
  }
  return { name: name.value, arguments: writeJson(value) };
}

/** `{"name": …, KEY: …}` as one line, with the separators of Python's json.dumps. @throws {UsageError} */
export function renderJsonCall(call: ToolCall, key: string): string {
  const parsed = readJson(call.arguments);
  if (!parsed.ok || parsed.value.kind !== 'map') {
    const reason = parsed.ok
      ? `received a ${parsed.value.kind}`
      : `${parsed.error.message} at offset ${parsed.error.position}`;
    throw new UsageError(`expected the arguments of ${call.name} to be the JSON text of an object: ${reason}`);
  }
  if (call.name === '') throw new UsageError('expected a function name, received an empty one');
  return `{"name": ${JSON.stringify(call.name)}, "${key}": ${writeJson(parsed.value)}}`;
}
