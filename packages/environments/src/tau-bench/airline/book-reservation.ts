import { pyContains, pyEquals } from '../../bfcl/python/compare.js';
import { pyJson, pyStr } from '../../bfcl/python/render.js';
import { itemAt } from '../../bfcl/python/subscript.js';
import { iterate, lengthOf, PyDict, type PyValue } from '../../bfcl/python/value.js';
import type { TauDatabase } from '../database.js';
import { addInPlace, append, dictAt, isLess, multiply, subtract, sum } from '../python-operations.js';
import type { TauTool } from '../tool.js';
import { priceFlight } from './price-flight.js';

const INSURANCE_PRICE = 30n;
const BAGGAGE_PRICE = 50n;

/** `book_reservation`. Seats are not reduced; route, passenger limits and the mix of payments are not checked. */
export const bookReservation: TauTool = {
  parameters: [
    'user_id',
    'origin',
    'destination',
    'flight_type',
    'cabin',
    'flights',
    'passengers',
    'payment_methods',
    'total_baggages',
    'nonfree_baggages',
    'insurance',
  ],
  run(database, ...values) {
    const [userId, origin, destination, flightType, cabin, flights, passengers, payments, total, nonfree, insurance] =
      values as [PyValue, PyValue, PyValue, PyValue, PyValue, PyValue, PyValue, PyValue, PyValue, PyValue, PyValue];
    const user = database.find('users', userId);
    if (user === undefined) return 'Error: user not found';
    const reservationId = nextReservationId(database);

    let price: PyValue = 0n;
    for (const flight of iterate(flights)) {
      const refusal = priceFlight(database, flight, cabin, passengers);
      if (refusal !== undefined) return refusal;
      price = addInPlace(price, multiply(itemAt(flight, 'price'), BigInt(lengthOf(passengers))));
    }
    if (insurance === 'yes') price = addInPlace(price, INSURANCE_PRICE * BigInt(lengthOf(passengers)));
    price = addInPlace(price, baggagePrice(nonfree));

    const methods = itemAt(user, 'payment_methods');
    for (const payment of iterate(payments)) {
      const id = itemAt(payment, 'payment_id');
      const amount = itemAt(payment, 'amount');
      if (!pyContains(methods, id)) return `Error: payment method ${pyStr(id)} not found`;
      const method = dictAt(methods, id);
      if (holdsBalance(method) && isLess(itemAt(method, 'amount'), amount)) {
        return `Error: not enough balance in payment method ${pyStr(id)}`;
      }
    }
    const paid = sum(iterate(payments).map((payment) => itemAt(payment, 'amount')));
    if (!pyEquals(paid, price)) {
      return `Error: payment amount does not add up, total price is ${pyStr(price)}, but paid ${pyStr(paid)}`;
    }

    const payer = database.writable('users', userId as string);
    for (const payment of iterate(payments)) pay(payer, payment);
    const reservation = PyDict.of({
      reservation_id: reservationId,
      user_id: userId,
      origin,
      destination,
      flight_type: flightType,
      cabin,
      flights,
      passengers,
      payment_history: payments,
      created_at: '2024-05-15T15:00:00',
      total_baggages: total,
      nonfree_baggages: nonfree,
      insurance,
    });
    database.set('reservations', reservationId, reservation);
    append(itemAt(payer, 'reservations'), reservationId);
    return pyJson(reservation);
  },
};

/** The reference expects at most three bookings in an episode: a fourth overwrites the third. */
function nextReservationId(database: TauDatabase): string {
  return ['HATHAT', 'HATHAU'].find((id) => database.find('reservations', id) === undefined) ?? 'HATHAV';
}

/** `50 * count`; texts and lists are not repeated, since adding them to the price fails for their type alone. */
function baggagePrice(nonfree: PyValue): PyValue {
  return typeof nonfree === 'string' || Array.isArray(nonfree) ? nonfree : multiply(BAGGAGE_PRICE, nonfree);
}

function holdsBalance(method: PyDict): boolean {
  const source = itemAt(method, 'source');
  return source === 'gift_card' || source === 'certificate';
}

/** A gift card pays the amount, a certificate goes whatever is left on it, a credit card is not touched. */
function pay(user: PyDict, payment: PyValue): void {
  const methods = dictAt(user, 'payment_methods');
  const id = itemAt(payment, 'payment_id');
  const amount = itemAt(payment, 'amount');
  const method = dictAt(methods, id);
  const source = itemAt(method, 'source');
  if (source === 'gift_card') method.set('amount', subtract(itemAt(method, 'amount'), amount));
  else if (source === 'certificate') methods.delete(id);
}
