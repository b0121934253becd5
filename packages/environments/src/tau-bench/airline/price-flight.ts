import { pyContains } from '../../bfcl/python/compare.js';
import { pyStr } from '../../bfcl/python/render.js';
import { itemAt } from '../../bfcl/python/subscript.js';
import { lengthOf, type PyDict, type PyValue } from '../../bfcl/python/value.js';
import type { TauDatabase } from '../database.js';
import { dictAt, isLess } from '../python-operations.js';

/**
 * Checks that a requested flight can be booked, and writes its price, origin and destination into the request.
 *
 * @param flight - one entry of the `flights` argument, of any type.
 * @param passengers - anything with a length: that many seats are needed.
 * @returns the error text, where it cannot.
 * @throws {PythonError} for entries that do not look like a flight, and cabins that do not exist.
 */
export function priceFlight(
  database: TauDatabase,
  flight: PyValue,
  cabin: PyValue,
  passengers: PyValue,
): string | undefined {
  const number = itemAt(flight, 'flight_number');
  const known = database.find('flights', number);
  if (known === undefined) return `Error: flight ${pyStr(number)} not found`;
  const date = itemAt(flight, 'date');
  const dates = itemAt(known, 'dates');
  if (!pyContains(dates, date)) return `Error: flight ${pyStr(number)} not found on date ${pyStr(date)}`;
  const entry = dictAt(dates, date);
  if (itemAt(entry, 'status') !== 'available') {
    return `Error: flight ${pyStr(number)} not available on date ${pyStr(date)}`;
  }
  if (isLess(itemAt(itemAt(entry, 'available_seats'), cabin), BigInt(lengthOf(passengers)))) {
    return `Error: not enough seats on flight ${pyStr(number)}`;
  }
  const request = flight as PyDict;
  request.set('price', itemAt(itemAt(entry, 'prices'), cabin));
  request.set('origin', itemAt(known, 'origin'));
  request.set('destination', itemAt(known, 'destination'));
  return undefined;
}
