import { Arguments } from './arguments.js';
import { JinjaFailure } from './jinja-error.js';
import { compare, iterableItems, type Runtime } from './operations.js';
import { toText } from './python-text.js';
import {
  Dict,
  isNumber,
  type KeywordArguments,
  Native,
  Once,
  Tuple,
  typeName,
  Undefined,
  type Value,
  View,
} from './value.js';

export interface TestRuntime extends Runtime {
  readonly hasFilter: (name: string) => boolean;
  readonly hasTest: (name: string) => boolean;
}

type Test = (value: Value, args: readonly Value[], kwargs: KeywordArguments, runtime: TestRuntime) => boolean;

const equal = comparison('eq', '==');
const unequal = comparison('ne', '!=');
const greater = comparison('gt', '>');
const less = comparison('lt', '<');

/** Jinja's tests: `value is name(args)`. */
export const TESTS: ReadonlyMap<string, Test> = new Map<string, Test>([
  ['boolean', (value) => typeof value === 'boolean'],
  ['callable', (value) => value instanceof Native && value.call !== undefined],
  ['defined', (value) => !(value instanceof Undefined)],
  ['divisibleby', divisibleBy],
  ['eq', equal],
  ['equalto', equal],
  ['==', equal],
  ['escaped', () => false],
  ['even', (value) => parity(value, 'even') === 0n],
  ['false', (value) => value === false],
  ['filter', (value, _args, _kwargs, { hasFilter }) => typeof value === 'string' && hasFilter(value)],
  ['float', (value) => typeof value === 'number'],
  ['ge', comparison('ge', '>=')],
  ['>=', comparison('ge', '>=')],
  ['greaterthan', greater],
  ['gt', greater],
  ['>', greater],
  ['in', comparison('in', 'in')],
  ['integer', (value) => typeof value === 'bigint'],
  ['iterable', isIterable],
  ['le', comparison('le', '<=')],
  ['<=', comparison('le', '<=')],
  ['lessthan', less],
  ['lower', (value, _args, _kwargs, { work }) => isCased(toText(value, work), 'lower')],
  ['lt', less],
  ['<', less],
  ['mapping', (value) => value instanceof Dict],
  ['ne', unequal],
  ['!=', unequal],
  ['none', (value) => value === null],
  ['number', isNumber],
  ['odd', (value) => parity(value, 'odd') === 1n],
  ['sameas', sameAs],
  ['sequence', isSequence],
  ['string', (value) => typeof value === 'string'],
  ['test', (value, _args, _kwargs, { hasTest }) => typeof value === 'string' && hasTest(value)],
  ['true', (value) => value === true],
  ['undefined', (value) => value instanceof Undefined],
  ['upper', (value, _args, _kwargs, { work }) => isCased(toText(value, work), 'upper')],
]);

function comparison(name: string, operator: Parameters<typeof compare>[0]): Test {
  return (value, args, kwargs, runtime) =>
    compare(operator, value, new Arguments(name, ['other'], args, kwargs).required('other'), runtime);
}

function divisibleBy(value: Value, args: readonly Value[], kwargs: KeywordArguments): boolean {
  const by = new Arguments('divisibleby', ['num'], args, kwargs).required('num');
  if (typeof value === 'bigint' && typeof by === 'bigint') {
    if (by === 0n) throw new JinjaFailure('value', 'expected a divisor other than zero');
    return value % by === 0n;
  }
  if (!isNumber(value) || !isNumber(by)) {
    throw new JinjaFailure('type', `expected numbers, received ${typeName(value)} and ${typeName(by)}`);
  }
  return Number(value) % Number(by) === 0;
}

function parity(value: Value, name: string): bigint {
  if (value instanceof Undefined) throw value.failure();
  if (!isNumber(value)) throw new JinjaFailure('type', `expected a number for ${name}, received ${typeName(value)}`);
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(Math.abs(value) % 2) : -1n;
  const rest = BigInt(value) % 2n;
  return rest < 0n ? -rest : rest;
}

function isIterable(value: Value): boolean {
  return value instanceof Once || (iterableItems(value) !== undefined && !(value instanceof Native));
}

function isSequence(value: Value): boolean {
  return (
    typeof value === 'string' ||
    Array.isArray(value) ||
    value instanceof Tuple ||
    value instanceof Dict ||
    (value instanceof View && value.typeName === 'range') ||
    value instanceof Undefined
  );
}

/** Identity where Python has it for sure: constants, and the same container. */
function sameAs(value: Value, args: readonly Value[], kwargs: KeywordArguments): boolean {
  return Object.is(value, new Arguments('sameas', ['other'], args, kwargs).required('other'));
}

function isCased(text: string, as: 'lower' | 'upper'): boolean {
  const [lower, upper] = [text.toLowerCase(), text.toUpperCase()];
  return lower !== upper && text === (as === 'lower' ? lower : upper);
}
