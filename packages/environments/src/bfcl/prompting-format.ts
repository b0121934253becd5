import type { ToolSpec } from '@parl-mt/schema';
import type { FunctionDocument } from './function-document.js';
import { SYNTAX_NOTE } from './load-tasks.js';
import { readJson } from './python/json-reader.js';
import { pyJsonIndented, pyRepr } from './python/render.js';
import { PyDict, type PyValue } from './python/value.js';

/**
 * System prompt of the prompting mode: what the model is for, the one form its answers may take, what a turn is, and the
 * functions as JSON with indent 4. The wording is ours; its parts are those of the official prompt.
 *
 * @param documents - of these functions, in the benchmark's form; made from the tools where absent.
 */
export function systemPrompt(tools: readonly ToolSpec[], documents: readonly FunctionDocument[] | undefined): string {
  const shown = tools.map((tool) => documentOf(tool, documents, SYNTAX_NOTE));
  return [
    'You solve tasks for a user by calling functions. From what the user says, decide which functions to call, and with ' +
      'which values.',
    'An answer that calls functions consists of the calls alone, without any other text, in this form:\n' +
      '[func_name1(params_name1=params_value1, params_name2=params_value2...), func_name2(params)]\n' +
      'Strings are quoted; numbers, booleans, lists and dicts are written as in Python.',
    'In every turn, do all that the user has asked for so far. Keep calling functions until it is done; then answer ' +
      'without a call, which ends the turn. If no function fits, or a value that one needs is missing, say so.',
    `The functions, as JSON:\n${pyJsonIndented(shown, 4)}\n`,
  ].join('\n\n');
}

/** Python repr of the list of documents: how functions that become available later are shown. */
export function documentList(tools: readonly ToolSpec[], documents: readonly FunctionDocument[] | undefined): string {
  return pyRepr(tools.map((tool) => documentOf(tool, documents, '')));
}

function documentOf(tool: ToolSpec, documents: readonly FunctionDocument[] | undefined, note: string): PyValue {
  const document = documents?.find(({ name }) => name.replaceAll('.', '_') === tool.name);
  const { name, description, parameters } = tool;
  const value = readJson(document?.source ?? JSON.stringify({ name, description, parameters }));
  if (document !== undefined && value instanceof PyDict) value.set('description', document.description + note);
  return value;
}
