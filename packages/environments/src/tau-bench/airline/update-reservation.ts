import { pyContains, pyEquals } from '../../bfcl/python/compare.js';
import { applyUnary } from '../../bfcl/python/operators.js';
import { pyJson } from '../../bfcl/python/render.js';
import { itemAt } from '../../bfcl/python/subscript.js';
import { iterate, lengthOf, PyDict, type PyValue } from '../../bfcl/python/value.js';
import type { TauDatabase } from '../database.js';
import {
  addInPlace,
  append,
  atLeastZero,
  dictAt,
  extend,
  isLess,
  multiply,
  subtract,
  sum,
} from '../python-operations.js';
import type { TauTool } from '../tool.js';
import { priceFlight } from './price-flight.js';

const NOT_FOUND = 'Error: reservation not found';
const BAGGAGE_PRICE = 50n;

/** `cancel_reservation`: every payment so far is reversed in the history, and nothing is paid back to gift cards. */
export const cancelReservation: TauTool = {
  parameters: ['reservation_id'],
  run(database, id) {
    const reservation = writableReservation(database, id as PyValue);
    if (reservation === undefined) return NOT_FOUND;
    const history = itemAt(reservation, 'payment_history');
    const refunds = iterate(history).map((payment) =>
      PyDict.of({
        payment_id: itemAt(payment, 'payment_id'),
        amount: applyUnary('-', itemAt(payment, 'amount')),
      }),
    );
    extend(history, refunds);
    reservation.set('status', 'cancelled');
    return pyJson(reservation);
  },
};

/** `update_reservation_baggages`: counts may also go down; only more non-free bags cost. */
export const updateReservationBaggages: TauTool = {
  parameters: ['reservation_id', 'total_baggages', 'nonfree_baggages', 'payment_id'],
  run(database, id, total, nonfree, paymentId) {
    const found = database.find('reservations', id as PyValue);
    if (found === undefined) return NOT_FOUND;
    const added = subtract(nonfree as PyValue, itemAt(found, 'nonfree_baggages'));
    const price = multiply(BAGGAGE_PRICE, atLeastZero(added));
    const refusal = refusePayment(database, found, paymentId as PyValue, price);
    if (refusal !== undefined) return refusal;
    const reservation = writableReservation(database, id as PyValue) as PyDict;
    reservation.set('total_baggages', total as PyValue);
    reservation.set('nonfree_baggages', nonfree as PyValue);
    payWithGiftCard(database, reservation, paymentId as PyValue, price);
    recordPayment(reservation, paymentId as PyValue, price);
    return pyJson(reservation);
  },
};

/**
 * `update_reservation_flights`. Segments that stay, in the reservation's own cabin, keep their price unchecked. The cabin
 * and status of the reservation stay as they are, as in the reference.
 */
export const updateReservationFlights: TauTool = {
  parameters: ['reservation_id', 'cabin', 'flights', 'payment_id'],
  run(database, id, cabin, flights, paymentId) {
    const found = database.find('reservations', id as PyValue);
    if (found === undefined) return NOT_FOUND;
    const passengers = itemAt(found, 'passengers');
    let price: PyValue = 0n;
    for (const flight of iterate(flights as PyValue)) {
      const kept = iterate(itemAt(found, 'flights')).filter((segment) =>
        isSameSegment(segment, flight, cabin as PyValue, found),
      );
      if (kept.length > 0) {
        price = addInPlace(price, multiply(itemAt(kept[0] as PyValue, 'price'), BigInt(lengthOf(passengers))));
        for (const field of ['price', 'origin', 'destination']) {
          (flight as PyDict).set(field, itemAt(kept[0] as PyValue, field));
        }
        continue;
      }
      const refusal = priceFlight(database, flight, cabin as PyValue, passengers);
      if (refusal !== undefined) return refusal;
      price = addInPlace(price, multiply(itemAt(flight, 'price'), BigInt(lengthOf(passengers))));
    }
    const before = sum(iterate(itemAt(found, 'flights')).map((flight) => itemAt(flight, 'price')));
    price = subtract(price, multiply(before, BigInt(lengthOf(passengers))));
    const refusal = refusePayment(database, found, paymentId as PyValue, price);
    if (refusal !== undefined) return refusal;
    const reservation = writableReservation(database, id as PyValue) as PyDict;
    payWithGiftCard(database, reservation, paymentId as PyValue, price);
    reservation.set('flights', flights as PyValue);
    recordPayment(reservation, paymentId as PyValue, price);
    return pyJson(reservation);
  },
};

/** `update_reservation_passengers`: the list as given, of the same length. */
export const updateReservationPassengers: TauTool = {
  parameters: ['reservation_id', 'passengers'],
  run(database, id, passengers) {
    const found = database.find('reservations', id as PyValue);
    if (found === undefined) return NOT_FOUND;
    if (lengthOf(passengers as PyValue) !== lengthOf(itemAt(found, 'passengers'))) {
      return 'Error: number of passengers does not match';
    }
    const reservation = writableReservation(database, id as PyValue) as PyDict;
    reservation.set('passengers', passengers as PyValue);
    return pyJson(reservation);
  },
};

function writableReservation(database: TauDatabase, id: PyValue): PyDict | undefined {
  return database.find('reservations', id) === undefined ? undefined : database.writable('reservations', id as string);
}

function isSameSegment(segment: PyValue, flight: PyValue, cabin: PyValue, reservation: PyDict): boolean {
  return (
    pyEquals(itemAt(segment, 'flight_number'), itemAt(flight, 'flight_number')) &&
    pyEquals(itemAt(segment, 'date'), itemAt(flight, 'date')) &&
    pyEquals(cabin, itemAt(reservation, 'cabin'))
  );
}

/** The error text, where this payment method of the reservation's user cannot pay. */
function refusePayment(
  database: TauDatabase,
  reservation: PyDict,
  paymentId: PyValue,
  price: PyValue,
): string | undefined {
  const methods = itemAt(payer(database, reservation), 'payment_methods');
  if (!pyContains(methods, paymentId)) return 'Error: payment method not found';
  const method = dictAt(methods, paymentId);
  const source = itemAt(method, 'source');
  if (source === 'certificate') return 'Error: certificate cannot be used to update reservation';
  if (source === 'gift_card' && isLess(itemAt(method, 'amount'), price)) {
    return 'Error: gift card balance is not enough';
  }
  return undefined;
}

function payer(database: TauDatabase, reservation: PyDict): PyDict {
  return database.find('users', itemAt(reservation, 'user_id')) as PyDict;
}

/** Takes the price from a gift card (a negative price adds); other methods hold no balance. */
function payWithGiftCard(database: TauDatabase, reservation: PyDict, paymentId: PyValue, price: PyValue): void {
  const isGiftCard =
    itemAt(dictAt(itemAt(payer(database, reservation), 'payment_methods'), paymentId), 'source') === 'gift_card';
  if (!isGiftCard) return;
  const user = database.writable('users', itemAt(reservation, 'user_id') as string);
  const method = dictAt(itemAt(user, 'payment_methods'), paymentId);
  method.set('amount', subtract(itemAt(method, 'amount'), price));
}

function recordPayment(reservation: PyDict, paymentId: PyValue, price: PyValue): void {
  if (pyEquals(price, 0n)) return;
  append(itemAt(reservation, 'payment_history'), PyDict.of({ payment_id: paymentId, amount: price }));
}
