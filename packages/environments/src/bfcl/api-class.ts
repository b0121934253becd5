import type { ToolSpec } from '@parl-mt/schema';
import type { LongContextData } from './long-context.js';
import type { ProcessObjects } from './process-objects.js';
import type { Arguments } from './python/callable.js';
import { PyDict, type PyValue, typeError } from './python/value.js';

/** Attributes of one instance in Python's order. Names starting with `_` are private: not compared, not shown. */
export type ApiState = { [attribute: string]: PyValue };

/** What surrounds an instance: it is the same for all instances of an episode, and no part of their state. */
export interface InstanceContext {
  /** Present for tasks of the long-context categories only. */
  readonly longContext: LongContextData | undefined;
  readonly process: ProcessObjects;
  /** The date of today, for what depends on it (the age of a traveller). */
  readonly today: () => CalendarDate;
}

export interface CalendarDate {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  /** 1 to 31. */
  readonly day: number;
}

/** JSON Schema of one parameter. */
export type ParameterSchema = { readonly [keyword: string]: unknown };

export interface Parameter {
  readonly name: string;
  readonly schema: ParameterSchema;
  /** Absent: required. A function makes the one object that all calls of the process share, as Python's `x=[]` does. */
  readonly default?: null | boolean | bigint | string | (() => PyValue);
}

/**
 * One public method. Arguments arrive bound, in the order of `parameters`, and are as untyped as in Python; `this` is the
 * context of the instance.
 */
export interface ApiMethod<S extends ApiState> {
  readonly description: string;
  readonly parameters: readonly Parameter[];
  run(this: InstanceContext, state: S, ...values: PyValue[]): PyValue;
}

/** A stateful API class of the benchmark. */
export interface ApiClass<S extends ApiState = ApiState> {
  readonly name: string;
  /** Initial state from the class's part of a scenario; absent keys take their defaults. */
  load(config: PyDict, context: InstanceContext): S;
  readonly methods: { readonly [name: string]: ApiMethod<S> };
}

/** An attribute of a scenario: what it says, null included, or the default where it says nothing. */
export function loadAttribute(config: PyDict, name: string, defaultValue: PyValue): PyValue {
  const value = config.get(name);
  return value === undefined ? defaultValue : value;
}

/** `{"error": text}`. */
export function errorResult(text: string): PyDict {
  return PyDict.of({ error: text });
}

/**
 * A required parameter, or an optional one when a default is given.
 *
 * @param schema - a JSON Schema type name, or a whole schema.
 */
export function parameter(
  name: string,
  schema: string | ParameterSchema,
  description: string,
  ...defaults: [] | [NonNullable<Parameter['default']> | null]
): Parameter {
  const fullSchema = { ...(typeof schema === 'string' ? { type: schema } : schema), description };
  const [value] = defaults;
  return value === undefined ? { name, schema: fullSchema } : { name, schema: fullSchema, default: value };
}

/** The tool spec of a method, in JSON Schema. */
export function toolSpecOf(name: string, method: Pick<ApiMethod<ApiState>, 'description' | 'parameters'>): ToolSpec {
  const properties: Record<string, unknown> = {};
  for (const { name: key, schema, default: value } of method.parameters) {
    const json = typeof value === 'bigint' ? Number(value) : typeof value === 'function' ? undefined : value;
    properties[key] = json === undefined ? schema : { ...schema, default: json };
  }
  const required = method.parameters.filter((entry) => entry.default === undefined).map((entry) => entry.name);
  return { name, description: method.description, parameters: { type: 'object', properties, required } };
}

/**
 * Assigns arguments to parameters as CPython 3.11 does, with its messages: keywords in order (unknown name, second value),
 * then too many positional arguments, then missing ones.
 *
 * @param qualifiedName - "Class.method"; counts in messages include `self`.
 * @throws {PythonError} TypeError.
 */
export function bindArguments(
  qualifiedName: string,
  parameters: readonly Parameter[],
  { positional, keywords }: Arguments,
  process: ProcessObjects,
): PyValue[] {
  const values: (PyValue | undefined)[] = parameters.map((_, index) => positional[index]);
  for (const { name, value } of keywords) {
    const index = parameters.findIndex((candidate) => candidate.name === name);
    if (index < 0) throw typeError(`${qualifiedName}() got an unexpected keyword argument '${name}'`);
    if (values[index] !== undefined) throw typeError(`${qualifiedName}() got multiple values for argument '${name}'`);
    values[index] = value;
  }
  if (positional.length > parameters.length) throw tooManyArguments(qualifiedName, parameters, positional.length);
  const missing = parameters.filter((entry, index) => values[index] === undefined && entry.default === undefined);
  if (missing.length > 0) throw missingArguments(qualifiedName, missing);
  return parameters.map((entry, index) => {
    const value = values[index];
    return value === undefined ? defaultOf(qualifiedName, entry, process) : value;
  });
}

function defaultOf(qualifiedName: string, { name, default: value }: Parameter, process: ProcessObjects): PyValue {
  if (typeof value !== 'function') return value ?? null;
  return process.get(`${qualifiedName}.${name}`, value());
}

function tooManyArguments(qualifiedName: string, parameters: readonly Parameter[], given: number): Error {
  const most = parameters.length + 1;
  const least = parameters.filter((entry) => entry.default === undefined).length + 1;
  const range = least === most ? `${most}` : `from ${least} to ${most}`;
  const noun = least === most && most === 1 ? 'argument' : 'arguments';
  return typeError(`${qualifiedName}() takes ${range} positional ${noun} but ${given + 1} were given`);
}

function missingArguments(qualifiedName: string, missing: readonly Parameter[]): Error {
  const names = missing.map(({ name }) => `'${name}'`);
  const last = names.at(-1) as string;
  const list = names.length < 3 ? names.join(' and ') : `${names.slice(0, -1).join(', ')}, and ${last}`;
  const noun = names.length === 1 ? 'argument' : 'arguments';
  return typeError(`${qualifiedName}() missing ${names.length} required positional ${noun}: ${list}`);
}
