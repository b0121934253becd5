import { pyContains, pyEquals, pyOrder } from '../../bfcl/python/compare.js';
import { pyJson } from '../../bfcl/python/render.js';
import { itemAt, sliceOf } from '../../bfcl/python/subscript.js';
import { PyDict, type PyValue } from '../../bfcl/python/value.js';
import type { TauDatabase } from '../database.js';
import { dictAt, intOf } from '../python-operations.js';
import type { TauTool } from '../tool.js';

/** `search_direct_flight`: flights of a route that can be booked on a date, each without its other dates. */
export const searchDirectFlight: TauTool = {
  parameters: ['origin', 'destination', 'date'],
  run(database, origin, destination, date) {
    const results: PyValue[] = [];
    for (const flight of flightsOf(database)) {
      const isOnRoute =
        pyEquals(itemAt(flight, 'origin'), origin as PyValue) &&
        pyEquals(itemAt(flight, 'destination'), destination as PyValue);
      if (isOnRoute && isAvailable(flight, date as PyValue)) results.push(onDate(flight, date as PyValue));
    }
    return pyJson(results);
  },
};

/**
 * `search_onestop_flight`: pairs of flights that meet. Kept as in the reference: the second flight's day after a first one
 * that lands past midnight has no leading zero, its seats and prices are those of the first day, and times are compared as
 * text, `+1` included.
 */
export const searchOnestopFlight: TauTool = {
  parameters: ['origin', 'destination', 'date'],
  run(database, origin, destination, date) {
    const firstDay = date as PyValue;
    const results: PyValue[] = [];
    for (const first of flightsOf(database)) {
      if (!pyEquals(itemAt(first, 'origin'), origin as PyValue)) continue;
      for (const second of flightsOf(database)) {
        const meets =
          pyEquals(itemAt(second, 'destination'), destination as PyValue) &&
          pyEquals(itemAt(first, 'destination'), itemAt(second, 'origin'));
        if (!meets) continue;
        const arrival = itemAt(first, 'scheduled_arrival_time_est');
        const secondDay = pyContains(arrival, '+1') ? dayAfter(firstDay) : firstDay;
        if (pyOrder('>', arrival, itemAt(second, 'scheduled_departure_time_est'))) continue;
        if (!isListed(first, firstDay) || !isListed(second, secondDay)) continue;
        if (!isAvailable(first, firstDay) || !isAvailable(second, secondDay)) continue;
        results.push([withDate(onDate(first, firstDay), firstDay), withDate(onDate(second, firstDay), secondDay)]);
      }
    }
    return pyJson(results);
  },
};

function flightsOf(database: TauDatabase): Iterable<PyDict> {
  // No tool writes flights.
  return database.tables.table('flights').values();
}

function dayAfter(date: PyValue): PyValue {
  return `2024-05-${intOf(sliceOf(date, -2n, null, null)) + 1n}`;
}

function isListed(flight: PyDict, date: PyValue): boolean {
  return pyContains(itemAt(flight, 'dates'), date);
}

function isAvailable(flight: PyDict, date: PyValue): boolean {
  return isListed(flight, date) && itemAt(dictAt(itemAt(flight, 'dates'), date), 'status') === 'available';
}

/** The flight's own fields, then those of one of its dates. */
function onDate(flight: PyDict, date: PyValue): PyDict {
  const fields = Array.from(flight.entries()).filter(([key]) => key !== 'dates');
  return new PyDict([...fields, ...dictAt(itemAt(flight, 'dates'), date).entries()]);
}

function withDate(flight: PyDict, date: PyValue): PyDict {
  flight.set('date', date);
  return flight;
}
