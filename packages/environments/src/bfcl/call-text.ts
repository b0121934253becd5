import type { ToolCall, ToolSpec } from '@parl-mt/schema';
import type { CallExpression } from './python/ast.js';
import { evaluate } from './python/evaluate.js';
import { parseExpression } from './python/parser.js';
import { pyJson } from './python/render.js';
import { PythonSyntaxError } from './python/tokenizer.js';
import { PyDict, PythonError } from './python/value.js';

/**
 * The chat-API form of a Python call text: the inverse of `BfclEnvironment.renderCall`.
 *
 * @param callText - one call with literal arguments, such as `sort('a.txt')`; ground truth is written so.
 * @param tools - names the positional arguments by the order of the tool's properties.
 * @returns undefined for anything that is not such a call: other expressions, names and calls as arguments, positional
 *   arguments without a name, values that JSON cannot hold.
 */
export function parseCallText(callText: string, tools: readonly ToolSpec[] = []): ToolCall | undefined {
  try {
    const expression = parseExpression(callText.trim());
    if (expression.kind !== 'call' || expression.callee.kind !== 'name') return undefined;
    const name = expression.callee.id;
    const args = literalArguments(expression, parameterNames(tools, name));
    return args === undefined ? undefined : { name, arguments: pyJson(args) };
  } catch (error) {
    if (error instanceof PythonError || error instanceof PythonSyntaxError) return undefined;
    throw error;
  }
}

function parameterNames(tools: readonly ToolSpec[], name: string): readonly string[] {
  const properties = tools.find((tool) => tool.name === name)?.parameters.properties;
  return typeof properties === 'object' && properties !== null ? Object.keys(properties) : [];
}

function literalArguments(call: CallExpression, names: readonly string[]): PyDict | undefined {
  if (call.positional.length > names.length) return undefined;
  const args = new PyDict();
  for (const [index, value] of call.positional.entries()) args.set(names[index] as string, evaluate(value, noNames));
  for (const { name, value } of call.keywords) {
    if (name === null || args.has(name)) return undefined;
    args.set(name, evaluate(value, noNames));
  }
  return args;
}

function noNames(): undefined {
  return undefined;
}
