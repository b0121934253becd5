import { type ToolCall, UsageError } from '@parl-mt/schema';
import { readJson } from './json-reader.js';
import {
  type LiteralValue,
  MAX_LITERAL_LENGTH,
  ReadFailure,
  type TextError,
  writeJson,
  writePython,
} from './literal-value.js';
import { PythonReader } from './python-reader.js';

export type ParsedCall =
  | { readonly ok: true; readonly call: ToolCall }
  | { readonly ok: false; readonly error: TextError };

/**
 * Reads a Python call with keyword arguments, such as `mkdir(dir_name='docs')`.
 *
 * Values are literals: strings in either quote (also triple, raw and side by side), numbers, True, False, None, lists,
 * tuples (which become lists) and dicts with string keys. `**{'a b': 1}` passes names that are no identifiers.
 *
 * @param source - untrusted text, at most 65,536 UTF-16 units, at most 32 levels deep.
 * @returns the call with its arguments as JSON text in which numbers keep their spelling, or what was expected and at
 *   which offset. Never throws.
 */
export function parseCallText(source: string): ParsedCall {
  try {
    if (source.length > MAX_LITERAL_LENGTH) {
      throw new ReadFailure(
        `expected a call of at most ${MAX_LITERAL_LENGTH} characters, received ${source.length}`,
        0,
      );
    }
    const reader = new PythonReader(source);
    const name = reader.readName('a function name');
    const entries = readArguments(reader);
    reader.skipSpace();
    if (reader.position < source.length) {
      throw reader.failure('expected the end of the call');
    }
    return { ok: true, call: { name, arguments: writeJson({ kind: 'map', entries }) } };
  } catch (error) {
    if (error instanceof ReadFailure) {
      return { ok: false, error: { message: error.message, position: error.position } };
    }
    throw error;
  }
}

/**
 * Writes a call as Python text, values as Python's repr: `name(key='value', n=3)`.
 *
 * @throws {UsageError} if the name cannot be called in Python text, or the arguments are not the JSON text of an object.
 */
export function renderCallText(call: ToolCall): string {
  if (!NAME.test(call.name)) {
    throw new UsageError(`expected a function name of letters, digits, "_", "." or "-", received ${quote(call.name)}`);
  }
  const entries = readArgumentsJson(call);
  const keywords: string[] = [];
  const others = new Map<string, LiteralValue>();
  for (const [key, value] of entries) {
    if (NAME.test(key)) {
      keywords.push(`${key}=${writePython(value)}`);
    } else {
      others.set(key, value);
    }
  }
  if (others.size > 0) {
    keywords.push(`**${writePython({ kind: 'map', entries: others })}`);
  }
  return `${call.name}(${keywords.join(', ')})`;
}

const NAME = /^[\p{L}_][\p{L}\p{N}_]*(?:[.-][\p{L}\p{N}_]+)*$/u;

function readArguments(reader: PythonReader): Map<string, LiteralValue> {
  const entries = new Map<string, LiteralValue>();
  reader.expect('(');
  while (!reader.take(')')) {
    if (reader.take('**')) {
      reader.skipSpace();
      for (const [key, value] of reader.readMap(1).entries) {
        addArgument(reader, entries, key, value);
      }
    } else {
      const key = reader.readName('a keyword argument such as key=value');
      if (reader.sees('==') || !reader.take('=')) {
        throw reader.failure(`expected "=" after argument name ${key} (arguments are passed by keyword)`);
      }
      addArgument(reader, entries, key, reader.readValue(1));
    }
    reader.expectSeparator(')');
  }
  return entries;
}

function addArgument(reader: PythonReader, entries: Map<string, LiteralValue>, key: string, value: LiteralValue): void {
  if (entries.has(key)) {
    throw reader.failure(`expected each argument once, ${quote(key)} is repeated`);
  }
  entries.set(key, value);
}

function readArgumentsJson(call: ToolCall): ReadonlyMap<string, LiteralValue> {
  const parsed = readJson(call.arguments);
  if (!parsed.ok) {
    throw new UsageError(
      `expected the arguments of ${call.name} as JSON text: ${parsed.error.message} at offset ${parsed.error.position}`,
    );
  }
  if (parsed.value.kind !== 'map') {
    throw new UsageError(`expected the arguments of ${call.name} to be a JSON object, received ${parsed.value.kind}`);
  }
  return parsed.value.entries;
}

function quote(name: string): string {
  return JSON.stringify(name.slice(0, 60));
}
