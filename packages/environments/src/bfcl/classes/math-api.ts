import { type ApiClass, errorResult, parameter } from '../api-class.js';
import { absolute, extreme, pyRound, sum } from '../builtins.js';
import { pyEquals, pyOrder } from '../python/compare.js';
import { decimalSqrt } from '../python/decimal-sqrt.js';
import { mpLogarithm } from '../python/mp-logarithm.js';
import { toInt } from '../python/numbers.js';
import { applyBinary, type BinaryOperator } from '../python/operators.js';
import { pyStr } from '../python/render.js';
import {
  isNumeric,
  isTruthy,
  iterate,
  PyDict,
  PythonError,
  type PyValue,
  typeError,
  typeName,
} from '../python/value.js';

const METERS = new PyDict([
  ['km', 1000n],
  ['m', 1n],
  ['cm', 0.01],
  ['mm', 0.001],
  ['um', 1e-6],
  ['nm', 1e-9],
]);

const IMPERIAL_FACTORS: ReadonlyMap<string, number> = new Map([
  ['cm_to_in', 0.393701],
  ['in_to_cm', 2.54],
  ['m_to_ft', 3.28084],
  ['ft_to_m', 0.3048],
  ['m_to_yd', 1.09361],
  ['yd_to_m', 0.9144],
  ['km_to_miles', 0.621371],
  ['miles_to_km', 1.60934],
  ['kg_to_lb', 2.20462],
  ['lb_to_kg', 0.453592],
  ['celsius_to_fahrenheit', 1.8],
  ['fahrenheit_to_celsius', 5 / 9],
]);

const TWO_NUMBERS = 'Both inputs must be numbers';
const NUMBERS_ONLY = 'All elements in the list must be numbers';
const ROUNDABLE = 'First input must be a number, second input must be an integer';
const NOT_A_ROOT = 'Input must be a number or computation resulted in an invalid operation';
const TOO_LARGE = 'Conversion resulted in a value too large to represent';

const numbers = parameter('numbers', { type: 'array', items: { type: 'number' } }, 'Numbers to work on.');
const first = parameter('a', 'number', 'First number.');
const second = parameter('b', 'number', 'Second number.');
const value = parameter('value', 'number', 'Number to convert.');
const unitIn = parameter('unit_in', 'string', 'Unit of the given number.');
const unitOut = parameter('unit_out', 'string', 'Unit to convert to.');

/** Arithmetic without state. */
export const mathApi: ApiClass<Record<never, PyValue>> = {
  name: 'MathAPI',

  load: () => ({}),

  methods: {
    logarithm: {
      description: 'Logarithm of a number to a base.',
      parameters: [
        parameter('value', 'number', 'Number to take the logarithm of.'),
        parameter('base', 'number', 'Base of the logarithm.'),
        parameter('precision', 'integer', 'Decimal digits to compute with.'),
      ],
      run(_state, number = null, base = null, precision = null) {
        try {
          return result(mpLogarithm(number, base, toInt(precision)));
        } catch (error) {
          if (error instanceof PythonError) return errorResult(error.message);
          throw error;
        }
      },
    },

    mean: {
      description: 'Mean of a list of numbers.',
      parameters: [numbers],
      run(_state, values = null) {
        if (!isTruthy(values)) return errorResult('Cannot calculate mean of an empty list');
        return orTypeError(NUMBERS_ONLY, () => meanOf(values));
      },
    },

    standard_deviation: {
      description: 'Population standard deviation of a list of numbers.',
      parameters: [numbers],
      run(_state, values = null) {
        if (!isTruthy(values)) return errorResult('Cannot calculate standard deviation of an empty list');
        return orTypeError(NUMBERS_ONLY, () => {
          const mean = meanOf(values);
          const squares = iterate(values).map((item) => applyBinary('**', applyBinary('-', item, mean), 2n));
          return Math.sqrt(meanOf(squares) as number);
        });
      },
    },

    si_unit_conversion: {
      description: 'Convert a length between km, m, cm, mm, um and nm.',
      parameters: [value, unitIn, unitOut],
      run(_state, number = null, from = null, to = null) {
        if (!isNumeric(number)) return errorResult('Value must be a number');
        const metersIn = METERS.get(from);
        const metersOut = metersIn === undefined ? undefined : METERS.get(to);
        if (metersIn === undefined || metersOut === undefined) return unsupportedConversion(from, to);
        const inverse = applyBinary('/', 1n, metersOut);
        return orTooLarge(() => applyBinary('*', applyBinary('*', number, metersIn), inverse));
      },
    },

    imperial_si_conversion: {
      description:
        'Convert between imperial and SI units: cm and in, m and ft or yd, km and miles, kg and lb, temperatures.',
      parameters: [value, unitIn, unitOut],
      run(_state, number = null, from = null, to = null) {
        if (!isNumeric(number)) return errorResult('Value must be a number');
        if (pyEquals(from, to)) return result(number);
        const key = `${pyStr(from)}_to_${pyStr(to)}`;
        const factor = IMPERIAL_FACTORS.get(key);
        if (factor === undefined) return unsupportedConversion(from, to);
        return orTooLarge(() => {
          if (key === 'fahrenheit_to_celsius') return applyBinary('*', applyBinary('-', number, 32n), factor);
          const scaled = applyBinary('*', number, factor);
          return key === 'celsius_to_fahrenheit' ? applyBinary('+', scaled, 32n) : scaled;
        });
      },
    },

    add: {
      description: 'Sum of two numbers.',
      parameters: [first, second],
      run: (_state, a = null, b = null) => arithmetic('+', a, b),
    },

    subtract: {
      description: 'First number minus the second.',
      parameters: [first, second],
      run: (_state, a = null, b = null) => arithmetic('-', a, b),
    },

    multiply: {
      description: 'Product of two numbers.',
      parameters: [first, second],
      run: (_state, a = null, b = null) =>
        isNumeric(a) && isNumeric(b) ? arithmetic('*', a, b) : errorResult(TWO_NUMBERS),
    },

    divide: {
      description: 'First number divided by the second.',
      parameters: [first, second],
      run: (_state, a = null, b = null) =>
        pyEquals(b, 0n) ? errorResult('Cannot divide by zero') : arithmetic('/', a, b),
    },

    power: {
      description: 'A number raised to a power.',
      parameters: [parameter('base', 'number', 'Number to raise.'), parameter('exponent', 'number', 'Power.')],
      run: (_state, base = null, exponent = null) => arithmetic('**', base, exponent),
    },

    square_root: {
      description: 'Square root of a number.',
      parameters: [
        parameter('number', 'number', 'Number to take the root of.'),
        parameter('precision', 'integer', 'Significant digits of the result.'),
      ],
      run(_state, number = null, precision = null) {
        return catchTypeError(NOT_A_ROOT, () => {
          if (pyOrder('<', number, 0n)) return errorResult('Cannot calculate square root of a negative number');
          if (typeof precision !== 'bigint' && typeof precision !== 'boolean') throw typeError('integer expected');
          if (!isNumeric(number)) throw typeError(`conversion from ${typeName(number)} to Decimal is not supported`);
          return result(decimalSqrt(typeof number === 'boolean' ? BigInt(number) : number, BigInt(precision)));
        });
      },
    },

    absolute_value: {
      description: 'Absolute value of a number.',
      parameters: [parameter('number', 'number', 'Number to take the absolute value of.')],
      run: (_state, number = null) => orTypeError('Input must be a number', () => absolute(number)),
    },

    round_number: {
      description: 'Round a number to a count of decimals.',
      parameters: [
        parameter('number', 'number', 'Number to round.'),
        parameter('decimal_places', 'integer', 'Decimals to keep.', 0n),
      ],
      run: (_state, number = null, places = null) => orTypeError(ROUNDABLE, () => pyRound(number, places)),
    },

    percentage: {
      description: 'What percentage of the whole the part is.',
      parameters: [parameter('part', 'number', 'The part.'), parameter('whole', 'number', 'The whole.')],
      run(_state, part = null, whole = null) {
        if (pyEquals(whole, 0n)) return errorResult('Whole value cannot be zero');
        return orTypeError(TWO_NUMBERS, () => applyBinary('*', applyBinary('/', part, whole), 100n));
      },
    },

    min_value: {
      description: 'Smallest of a list of numbers.',
      parameters: [numbers],
      run(_state, values = null) {
        if (!isTruthy(values)) return errorResult('Cannot find minimum of an empty list');
        return orTypeError(NUMBERS_ONLY, () => extreme('min', '<', [values]));
      },
    },

    max_value: {
      description: 'Largest of a list of numbers.',
      parameters: [numbers],
      run(_state, values = null) {
        if (!isTruthy(values)) return errorResult('Cannot find maximum of an empty list');
        return orTypeError(NUMBERS_ONLY, () => extreme('max', '>', [values]));
      },
    },

    sum_values: {
      description: 'Sum of a list of numbers.',
      parameters: [numbers],
      run(_state, values = null) {
        if (!isTruthy(values)) return errorResult('Cannot calculate sum of an empty list');
        return orTypeError(NUMBERS_ONLY, () => sum(values, 0n));
      },
    },
  },
};

function result(number: PyValue): PyDict {
  return PyDict.of({ result: number });
}

/** `except TypeError`: other exceptions pass on. */
function catchTypeError(message: string, compute: () => PyDict): PyDict {
  try {
    return compute();
  } catch (error) {
    if (error instanceof PythonError && error.type === 'TypeError') return errorResult(message);
    throw error;
  }
}

function orTypeError(message: string, compute: () => PyValue): PyDict {
  return catchTypeError(message, () => result(compute()));
}

function orTooLarge(compute: () => PyValue): PyDict {
  try {
    return result(compute());
  } catch (error) {
    if (error instanceof PythonError && error.type === 'OverflowError') return errorResult(TOO_LARGE);
    throw error;
  }
}

function arithmetic(operator: BinaryOperator, a: PyValue, b: PyValue): PyDict {
  return orTypeError(TWO_NUMBERS, () => applyBinary(operator, a, b));
}

function unsupportedConversion(from: PyValue, to: PyValue): PyDict {
  return errorResult(`Conversion from '${pyStr(from)}' to '${pyStr(to)}' is not supported`);
}

function meanOf(values: PyValue): PyValue {
  const total = sum(values, 0n);
  return applyBinary('/', total, BigInt(iterate(values).length));
}
