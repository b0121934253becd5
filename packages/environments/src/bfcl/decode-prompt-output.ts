import { builtins } from './builtins.js';
import { type DecodeResult, failed } from './decode-function-calls.js';
import type { CallExpression, Expression } from './python/ast.js';
import { evaluate } from './python/evaluate.js';
import { applyUnary } from './python/operators.js';
import { parseExpression } from './python/parser.js';
import { pyRepr, pyStr } from './python/render.js';
import { stripCharacters } from './python/text.js';
import { PythonSyntaxError } from './python/tokenizer.js';
import { unparse } from './python/unparse.js';
import { PyDict, PyTuple, PythonError, type PyValue, pyEllipsis, typeError } from './python/value.js';

/**
 * Prompting-mode decoding: the text must be a Python list of calls, brackets optional. Only keyword arguments are read;
 * positional ones are silently lost, as in the official decoder.
 */
export function decodePromptOutput(output: string): DecodeResult {
  try {
    return { ok: true, calls: resolveCalls(parseExpression(bracketed(output))).flatMap(renderCall) };
  } catch (error) {
    if (error instanceof PythonSyntaxError) return failed('SyntaxError', error.message);
    if (error instanceof PythonError) return failed(error.type, error.message);
    if (error instanceof RangeError) return failed('RecursionError', 'maximum recursion depth exceeded');
    throw error;
  }
}

function bracketed(output: string): string {
  const text = stripCharacters(output, '`\n ');
  return `${text.startsWith('[') ? '' : '['}${text}${text.endsWith(']') ? '' : ']'}`;
}

/** Function name to arguments, one entry, as the official decoder holds a call. */
function resolveCalls(body: Expression): PyDict[] {
  if (body.kind === 'call') return [resolveCall(body)];
  if (body.kind !== 'list' && body.kind !== 'tuple' && body.kind !== 'set') {
    throw new PythonError('AttributeError', `a ${body.kind} has no elements`);
  }
  return body.items.map((item) => {
    if (item.kind !== 'call') throw new PythonError('AssertionError', '');
    return resolveCall(item);
  });
}

function resolveCall(call: CallExpression): PyDict {
  const names: string[] = [];
  let callee = call.callee;
  while (callee.kind === 'attribute') {
    names.unshift(callee.attribute);
    callee = callee.value;
  }
  if (callee.kind === 'name') names.unshift(callee.id);
  const args = new PyDict();
  for (const { name, value } of call.keywords) args.set(name, resolveValue(value));
  return PyDict.of({ [names.join('.')]: args });
}

function resolveValue(expression: Expression): PyValue {
  switch (expression.kind) {
    case 'constant':
      return expression.value === pyEllipsis ? '...' : expression.value;
    case 'unary':
      return negatedOperand(expression.operand);
    case 'list':
      return expression.items.map(resolveValue);
    case 'tuple':
      return new PyTuple(expression.items.map(resolveValue));
    case 'dict':
      return new PyDict(
        expression.entries.map(({ key, value }) => {
          if (key === null) throw unsupported('NoneType');
          return [resolveValue(key), resolveValue(value)];
        }),
      );
    case 'binary':
      return evaluate(expression, (name) => builtins.get(name));
    case 'name':
      return expression.id;
    case 'call':
      return expression.keywords.length === 0 ? unparse(expression) : resolveCall(expression);
    case 'subscript':
      return `${unparse(expression.value)}[${unparse(expression.index)}]`;
    case 'lambda':
      throw typeError('a lambda is not subscriptable');
    default:
      throw unsupported(expression.kind);
  }
}

/** The official decoder negates whatever the operator is; `not True` is -1. */
function negatedOperand(operand: Expression): PyValue {
  if (operand.kind === 'constant') return applyUnary('-', operand.value);
  const hasValue = operand.kind === 'attribute' || operand.kind === 'subscript' || operand.kind === 'starred';
  if (hasValue) throw typeError('bad operand type for unary -');
  throw new PythonError('AttributeError', `a ${operand.kind} has no value`);
}

function unsupported(kind: string): PythonError {
  return new PythonError('Exception', `Unsupported AST type: ${kind}`);
}

function renderCall(call: PyDict): string[] {
  return Array.from(call.entries(), ([name, args]) => `${pyStr(name)}(${renderArguments(args as PyDict)})`);
}

function renderArguments(args: PyDict): string {
  return Array.from(args.entries(), ([name, value]) => `${pyStr(name)}=${renderValue(value)}`).join(', ');
}

/** A dict of dicts passes for a nested call: the official decoder cannot tell them apart. */
function renderValue(value: PyValue): string {
  if (!(value instanceof PyDict)) return pyRepr(value);
  if (value.values().every((item) => item instanceof PyDict)) {
    const [first] = value.entries();
    if (first === undefined) throw new PythonError('IndexError', 'list index out of range');
    return `${pyStr(first[0])}(${renderArguments(first[1] as PyDict)})`;
  }
  const items = Array.from(value.entries(), ([key, item]) => `'${pyStr(key)}': ${renderValue(item)}`);
  return `{${items.join(', ')}}`;
}
