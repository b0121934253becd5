import { ConfigError, UsageError } from '@parl-mt/schema';
import type { LongContextData } from './long-context.js';
import { JsonSyntaxError, readJson } from './python/json-reader.js';
import { PyDict, type PyValue, pyEllipsis } from './python/value.js';
import { readText } from './read-text.js';

/**
 * Reads what the long-context categories add, with ints and floats apart.
 *
 * @param file - `long_context_data.json`: the constants of the official module by name, Python's Ellipsis written as
 *   `{"__ellipsis__": true}`.
 * @throws {UsageError} when the file is missing; {ConfigError} when it lacks a constant.
 */
export function loadLongContext(file: string): LongContextData {
  const constants = readConstants(file);
  const member = (name: string, expected: string, isExpected: (value: PyValue) => boolean): PyValue => {
    const value = constants.get(name) ?? null;
    if (isExpected(value)) return withEllipsis(value);
    throw new ConfigError(`${file}: expected ${name} to be ${expected}`);
  };
  const text = (name: string) => member(name, 'a string', (value) => typeof value === 'string') as string;
  const list = (name: string) => member(name, 'a list', Array.isArray) as PyValue[];
  const dict = (name: string) => member(name, 'an object', (value) => value instanceof PyDict) as PyDict;
  const texts = (name: string) =>
    member(name, 'a list of strings', (value) => Array.isArray(value) && value.every(isText)) as string[];
  return {
    fileExtension: text('FILE_CONTENT_EXTENSION'),
    untouchedFiles: new Set(texts('FILES_TAIL_USED')),
    populatedFiles: texts('POPULATE_FILE_EXTENSION'),
    watchList: list('WATCH_LIST_EXTENSION'),
    transactionHistory: list('TRANSACTION_HISTORY_EXTENSION'),
    movingAverage5: list('MA_5_EXTENSION'),
    movingAverage20: list('MA_20_EXTENSION'),
    technologyStocks: list('TECHNOLOGY_EXTENSION'),
    automobileStocks: list('AUTOMOBILE_EXTENSION'),
    orderDetails: dict('ORDER_DETAIL_EXTENSION'),
    creditCards: dict('CREDIT_CARD_EXTENSION'),
    bookings: dict('BOOKING_RECORD_EXTENSION'),
    weather: dict('LONG_WEATHER_EXTENSION'),
    carStatus: text('CAR_STATUS_METADATA_EXTENSION'),
    parkingBrakeInstruction: text('PARKING_BRAKE_INSTRUCTION'),
    intermediaryCities: list('INTERMEDIARY_CITIES'),
  };
}

function readConstants(file: string): PyDict {
  let constants: PyValue;
  try {
    constants = readJson(readText(file));
  } catch (error) {
    if (error instanceof UsageError || !(error instanceof JsonSyntaxError)) throw error;
    throw new ConfigError(`${file}: expected JSON: ${error.message}`, { cause: error });
  }
  if (constants instanceof PyDict) return constants;
  throw new ConfigError(`${file}: expected an object of constants`);
}

function isText(value: PyValue): boolean {
  return typeof value === 'string';
}

function withEllipsis(value: PyValue): PyValue {
  if (Array.isArray(value)) return value.map(withEllipsis);
  if (!(value instanceof PyDict)) return value;
  if (value.get('__ellipsis__') === true) return pyEllipsis;
  return new PyDict(Array.from(value.entries(), ([key, item]) => [key, withEllipsis(item)]));
}
