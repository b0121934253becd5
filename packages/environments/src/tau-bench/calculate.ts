import { evaluate } from '../bfcl/python/evaluate.js';
import { parseExpression } from '../bfcl/python/parser.js';
import { intToDouble, roundDouble } from '../bfcl/python/rational.js';
import { floatText } from '../bfcl/python/render.js';
import { PythonSyntaxError } from '../bfcl/python/tokenizer.js';
import { iterate, PythonError, type PyValue, typeError, typeName } from '../bfcl/python/value.js';
import type { TauTool } from './tool.js';

const ALLOWED = '0123456789+-*/(). ';

/** `calculate`: an arithmetic expression, rounded to two decimals and printed as a float. */
export const calculate: TauTool = {
  parameters: ['expression'],
  run(_database, expression) {
    for (const character of iterate(expression as PyValue)) {
      if (typeof character !== 'string') {
        throw typeError(`'in <string>' requires string as left operand, not ${typeName(character)}`);
      }
      if (!ALLOWED.includes(character)) return 'Error: invalid characters in expression';
    }
    if (typeof expression !== 'string') throw typeError('eval() arg 1 must be a string, bytes or code object');
    try {
      return floatText(roundDouble(toFloat(evaluateArithmetic(expression)), 2));
    } catch (error) {
      if (error instanceof PythonSyntaxError) return `Error: ${error.message}`;
      throw error;
    }
  },
};

function evaluateArithmetic(expression: string): PyValue {
  // CPython finds nothing to point at in an empty expression, and counts its lines from 0.
  if (expression.trim() === '') throw new PythonError('SyntaxError', 'invalid syntax (<string>, line 0)');
  try {
    return evaluate(parseExpression(expression.trimStart()), () => undefined);
  } catch (error) {
    // Ints beyond our limit of bits: CPython makes them, and then cannot convert them.
    if (error instanceof PythonError && error.type === 'MemoryError') throw tooLarge();
    throw error;
  }
}

function toFloat(value: PyValue): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return intToDouble(value);
  throw typeError(`float() argument must be a string or a real number, not '${typeName(value)}'`);
}

function tooLarge(): PythonError {
  return new PythonError('OverflowError', 'int too large to convert to float');
}
