import { formatFixed, intToDouble } from './rational.js';
import { isNumeric, PythonError, type PyValue, typeError, typeName } from './value.js';

/**
 * Python `format(value, '.2f')` and the like.
 *
 * @param digits - decimals.
 * @throws {PythonError} ValueError for str, TypeError for what has no format, OverflowError for ints beyond a double.
 */
export function formatDecimals(value: PyValue, digits: number): string {
  if (typeof value === 'string') {
    throw new PythonError('ValueError', "Unknown format code 'f' for object of type 'str'");
  }
  if (!isNumeric(value)) throw typeError(`unsupported format string passed to ${typeName(value)}.__format__`);
  const number = typeof value === 'number' ? value : intToDouble(BigInt(value));
  if (Number.isNaN(number)) return 'nan';
  if (!Number.isFinite(number)) return number > 0 ? 'inf' : '-inf';
  return formatFixed(number, digits);
}
