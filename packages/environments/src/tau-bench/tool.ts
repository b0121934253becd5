import { GraphCopier } from '../bfcl/python/graph.js';
import { type PyDict, PythonError, type PyValue, typeError } from '../bfcl/python/value.js';
import type { TauDatabase } from './database.js';

/** One function of a domain. Arguments arrive in the order of `parameters`, as untyped as in Python. */
export interface TauTool {
  /** All are required. */
  readonly parameters: readonly string[];
  /** The observation; null where Python's function returns nothing. Exceptions are {@link PythonError}s. */
  run(database: TauDatabase, ...values: PyValue[]): string | null;
}

export type TauTools = { readonly [name: string]: TauTool };

/**
 * Calls a tool as the official environment does: an exception becomes `Error: ` and its text, and what had been written
 * by then stays written.
 *
 * @param domain - names the module in one of Python's messages.
 * @param kwargs - copied first, so that a later write cannot reach what the caller holds.
 * @returns null where the tool returns nothing.
 */
export function invokeTool(
  domain: string,
  name: string,
  tool: TauTool,
  kwargs: PyDict,
  database: TauDatabase,
): string | null {
  try {
    const values = bindKeywords(domain, name, tool.parameters, new GraphCopier().copy(kwargs));
    return tool.run(database, ...values);
  } catch (error) {
    if (error instanceof PythonError) return `Error: ${error.message}`;
    throw error;
  }
}

/** Assigns keywords to parameters with CPython 3.11's messages; the database itself is the argument `data`. */
function bindKeywords(domain: string, name: string, parameters: readonly string[], kwargs: PyDict): PyValue[] {
  const qualifiedName = `${className(name)}.invoke()`;
  if (kwargs.has('data')) {
    throw typeError(
      `tau_bench.envs.${domain}.tools.${name}.${qualifiedName} got multiple values for keyword argument 'data'`,
    );
  }
  const unexpected = kwargs.keys().find((key) => !parameters.includes(key as string));
  if (unexpected !== undefined) throw typeError(`${qualifiedName} got an unexpected keyword argument '${unexpected}'`);
  const missing = parameters.filter((parameter) => !kwargs.has(parameter)).map((parameter) => `'${parameter}'`);
  if (missing.length > 0) {
    const list =
      missing.length < 3 ? missing.join(' and ') : `${missing.slice(0, -1).join(', ')}, and ${missing.at(-1)}`;
    const noun = missing.length === 1 ? 'argument' : 'arguments';
    throw typeError(`${qualifiedName} missing ${missing.length} required positional ${noun}: ${list}`);
  }
  return parameters.map((parameter) => kwargs.get(parameter) as PyValue);
}

/** `book_reservation` is the class `BookReservation`. */
function className(name: string): string {
  return name
    .split('_')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}
