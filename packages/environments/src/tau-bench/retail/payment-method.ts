import { pyContains } from '../../bfcl/python/compare.js';
import { itemAt } from '../../bfcl/python/subscript.js';
import type { PyDict, PyValue } from '../../bfcl/python/value.js';
import type { TauDatabase } from '../database.js';
import { add, dictAt, isLess, roundCents } from '../python-operations.js';

/** A payment method of the order's user, to read; undefined where the user has none of that id. */
export function findPaymentMethod(database: TauDatabase, order: PyDict, id: PyValue): PyDict | undefined {
  const user = database.find('users', itemAt(order, 'user_id')) as PyDict;
  const methods = itemAt(user, 'payment_methods');
  return pyContains(methods, id) ? dictAt(methods, id) : undefined;
}

export function isGiftCard(method: PyDict): boolean {
  return itemAt(method, 'source') === 'gift_card';
}

/** Whether it is a gift card that holds less than the amount. */
export function lacksBalance(method: PyDict, amount: PyValue): boolean {
  return isGiftCard(method) && isLess(itemAt(method, 'balance'), amount);
}

/** Adds an amount (negative: takes it) to the balance of one of the user's gift cards, rounded to cents. */
export function creditGiftCard(database: TauDatabase, order: PyDict, id: PyValue, amount: PyValue): void {
  const user = database.writable('users', itemAt(order, 'user_id') as string);
  const method = dictAt(itemAt(user, 'payment_methods'), id);
  method.set('balance', roundCents(add(itemAt(method, 'balance'), amount)));
}
