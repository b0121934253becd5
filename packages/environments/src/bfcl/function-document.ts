import type { ToolSpec } from '@parl-mt/schema';
import { isRecord } from './record-fields.js';

/** Documentation of one function in the benchmark's own form, whose types are Python's. */
export interface FunctionDocument {
  readonly name: string;
  readonly description: string;
  readonly parameters: JsonObject;
  /** The whole document as JSON text, keys in the order of the file. */
  readonly source: string;
}

type JsonObject = { readonly [key: string]: unknown };

/**
 * The document as a tool of a chat API: dots in the name replaced, types in JSON Schema's words.
 *
 * @param note - appended to the description.
 */
export function toToolSpec({ name, description, parameters }: FunctionDocument, note: string): ToolSpec {
  return {
    name: name.replaceAll('.', '_'),
    description: description + note,
    parameters: { ...parameters, type: 'object', properties: castProperties(parameters.properties) },
  };
}

const TYPE_NAMES: ReadonlyMap<unknown, string> = new Map([
  ['integer', 'integer'],
  ['number', 'number'],
  ['float', 'number'],
  ['string', 'string'],
  ['boolean', 'boolean'],
  ['array', 'array'],
  ['tuple', 'array'],
  ['object', 'object'],
  ['dict', 'object'],
]);

function castProperties(properties: unknown): JsonObject {
  if (!isRecord(properties)) return {};
  return Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [name, isRecord(schema) ? castProperty(schema) : schema]),
  );
}

function castProperty(schema: JsonObject): JsonObject {
  const cast = castType(schema);
  const note = schema.type === 'float' ? { format: 'float', description: floatNote(schema.description) } : {};
  if (cast.type !== 'array' && cast.type !== 'object') return { ...cast, ...note };
  if (isRecord(schema.properties)) return { ...cast, properties: castProperties(schema.properties) };
  return isRecord(schema.items) ? { ...cast, items: castItems(schema.items) } : cast;
}

/** Items get no note on floats, and are followed one level down, as in the official conversion. */
function castItems(items: JsonObject): JsonObject {
  const cast = castType(items);
  if (cast.type === 'array' && isRecord(items.items)) return { ...cast, items: castType(items.items) };
  if (cast.type === 'object' && isRecord(items.properties)) {
    return { ...cast, properties: castProperties(items.properties) };
  }
  return cast;
}

function castType(schema: JsonObject): JsonObject {
  return { ...schema, type: TYPE_NAMES.get(schema.type) ?? 'string' };
}

function floatNote(description: unknown): string {
  return `${typeof description === 'string' ? description : ''} This is a float type value.`;
}
