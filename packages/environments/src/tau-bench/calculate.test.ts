import { expect, test } from 'vitest';
import { PyDict, type PyValue } from '../bfcl/python/value.js';
import { calculate } from './calculate.js';
import { TauDatabase } from './database.js';
import { TauTables } from './tables.js';
import { invokeTool } from './tool.js';

function run(expression: PyValue): string | null {
  const database = new TauDatabase(new TauTables(new Map()));
  return invokeTool('retail', 'calculate', calculate, PyDict.of({ expression }), database);
}

// What CPython 3.11 gives for str(round(float(eval(expression)), 2)), and for its exceptions.
test.each([
  ['1 + 2 * 3', '7.0'],
  ['0.1+0.2', '0.3'],
  ['0.125', '0.12'],
  ['2.675', '2.67'],
  ['0*-1.5', '-0.0'],
  ['10**22', '1e+22'],
  ['-2**2', '-4.0'],
  ['2**3**2', '512.0'],
  ['-7//2', '-4.0'],
  ['  00.5', '0.5'],
  ['1/0', 'Error: division by zero'],
  ['5//0', 'Error: integer division or modulo by zero'],
  ['10**400', 'Error: int too large to convert to float'],
  ['(-8)**.5', "Error: float() argument must be a string or a real number, not 'complex'"],
  ['', 'Error: invalid syntax (<string>, line 0)'],
  ['(1 2)', 'Error: invalid syntax. Perhaps you forgot a comma? (<string>, line 1)'],
  ['(1 2', "Error: '(' was never closed (<string>, line 1)"],
  ['*1+(', 'Error: invalid syntax (<string>, line 1)'],
  ['(*1)', 'Error: cannot use starred expression here (<string>, line 1)'],
  ['2 % 3', 'Error: invalid characters in expression'],
  ['__import__', 'Error: invalid characters in expression'],
])('%s', (expression, expected) => {
  expect(run(expression)).toBe(expected);
});

test('values that are no text fail as in Python', () => {
  expect(run(9n)).toBe("Error: 'int' object is not iterable");
  expect(run(null)).toBe("Error: 'NoneType' object is not iterable");
  expect(run(['1', '+'])).toBe('Error: eval() arg 1 must be a string, bytes or code object');
  expect(run([1n])).toBe("Error: 'in <string>' requires string as left operand, not int");
});
