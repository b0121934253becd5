import { pyContains, pyEquals, pyOrder } from '../../bfcl/python/compare.js';
import { applyUnary } from '../../bfcl/python/operators.js';
import { pyJson } from '../../bfcl/python/render.js';
import { itemAt } from '../../bfcl/python/subscript.js';
import { iterate, lengthOf, PyDict, type PyValue } from '../../bfcl/python/value.js';
import type { TauDatabase } from '../database.js';
import { absolute, append, extend } from '../python-operations.js';
import type { TauTool } from '../tool.js';
import { lineOf, pairs, priceDifference, variantOf } from './order-items.js';
import { creditGiftCard, findPaymentMethod, isGiftCard, lacksBalance } from './payment-method.js';

const NOT_FOUND = 'Error: order not found';
const NOT_PENDING = 'Error: non-pending order cannot be modified';

/** `cancel_pending_order`: every entry of the history is refunded, at once where it was paid with a gift card. */
export const cancelPendingOrder: TauTool = {
  parameters: ['order_id', 'reason'],
  run(database, orderId, reason) {
    const found = database.find('orders', orderId as PyValue);
    if (found === undefined) return NOT_FOUND;
    if (!isPending(found)) return 'Error: non-pending order cannot be cancelled';
    if (reason !== 'no longer needed' && reason !== 'ordered by mistake') return 'Error: invalid reason';
    const order = database.writable('orders', orderId as string);
    const history = itemAt(order, 'payment_history');
    const refunds = iterate(history).map((payment) => {
      const paymentMethodId = itemAt(payment, 'payment_method_id');
      const amount = itemAt(payment, 'amount');
      if (pyContains(paymentMethodId, 'gift_card')) creditGiftCard(database, order, paymentMethodId, amount);
      return PyDict.of({ transaction_type: 'refund', amount, payment_method_id: paymentMethodId });
    });
    order.set('status', 'cancelled');
    order.set('cancel_reason', reason);
    extend(history, refunds);
    return pyJson(order);
  },
};

/** `modify_pending_order_items`: once per order. The difference is stored unrounded, as in the reference. */
export const modifyPendingOrderItems: TauTool = {
  parameters: ['order_id', 'item_ids', 'new_item_ids', 'payment_method_id'],
  run(database, ...values) {
    const [orderId, itemIds, newItemIds, paymentMethodId] = values as [PyValue, PyValue, PyValue, PyValue];
    const found = database.find('orders', orderId);
    if (found === undefined) return NOT_FOUND;
    if (!isPending(found)) return NOT_PENDING;
    const priced = priceDifference(database, found, itemIds, newItemIds);
    if (priced.refusal !== undefined) return priced.refusal;
    const { difference } = priced;
    const method = findPaymentMethod(database, found, paymentMethodId);
    if (method === undefined) return 'Error: payment method not found';
    if (lacksBalance(method, difference)) return 'Error: insufficient gift card balance to pay for the new item';

    const order = database.writable('orders', orderId as string);
    append(
      itemAt(order, 'payment_history'),
      PyDict.of({
        transaction_type: pyOrder('>', difference, 0n) ? 'payment' : 'refund',
        amount: absolute(difference),
        payment_method_id: paymentMethodId,
      }),
    );
    if (isGiftCard(method)) creditGiftCard(database, order, paymentMethodId, applyUnary('-', difference));
    for (const [itemId, newItemId] of pairs(itemIds, newItemIds)) {
      const line = lineOf(order, itemId);
      const variant = variantOf(database, itemAt(line, 'product_id'), newItemId);
      line.set('item_id', newItemId);
      line.set('price', itemAt(variant, 'price'));
      line.set('options', itemAt(variant, 'options'));
    }
    order.set('status', 'pending (item modified)');
    return pyJson(order);
  },
};

/** `modify_pending_order_payment`: a new payment, and a refund of the old one. */
export const modifyPendingOrderPayment: TauTool = {
  parameters: ['order_id', 'payment_method_id'],
  run(database, orderId, paymentMethodId) {
    const newId = paymentMethodId as PyValue;
    const found = database.find('orders', orderId as PyValue);
    if (found === undefined) return NOT_FOUND;
    if (!isPending(found)) return NOT_PENDING;
    const method = findPaymentMethod(database, found, newId);
    if (method === undefined) return 'Error: payment method not found';
    const history = itemAt(found, 'payment_history');
    if (lengthOf(history) > 1 || itemAt(itemAt(history, 0n), 'transaction_type') !== 'payment') {
      return 'Error: there should be exactly one payment for a pending order';
    }
    const payment = itemAt(history, 0n);
    const oldId = itemAt(payment, 'payment_method_id');
    if (pyEquals(oldId, newId)) return 'Error: the new payment method should be different from the current one';
    const amount = itemAt(payment, 'amount');
    if (lacksBalance(method, amount)) return 'Error: insufficient gift card balance to pay for the order';

    const order = database.writable('orders', orderId as string);
    extend(itemAt(order, 'payment_history'), [
      PyDict.of({ transaction_type: 'payment', amount, payment_method_id: newId }),
      PyDict.of({ transaction_type: 'refund', amount, payment_method_id: oldId }),
    ]);
    if (isGiftCard(method)) creditGiftCard(database, order, newId, applyUnary('-', amount));
    if (pyContains(oldId, 'gift_card')) creditGiftCard(database, order, oldId, amount);
    return pyJson(order);
  },
};

const ADDRESS_FIELDS = ['address1', 'address2', 'city', 'state', 'country', 'zip'];

/** `modify_pending_order_address`. */
export const modifyPendingOrderAddress: TauTool = {
  parameters: ['order_id', ...ADDRESS_FIELDS],
  run(database, orderId, ...fields) {
    const found = database.find('orders', orderId as PyValue);
    if (found === undefined) return NOT_FOUND;
    if (!isPending(found)) return NOT_PENDING;
    return replaceAddress(database, 'orders', orderId as string, fields);
  },
};

/** `modify_user_address`. */
export const modifyUserAddress: TauTool = {
  parameters: ['user_id', ...ADDRESS_FIELDS],
  run(database, userId, ...fields) {
    if (database.find('users', userId as PyValue) === undefined) return 'Error: user not found';
    return replaceAddress(database, 'users', userId as string, fields);
  },
};

function replaceAddress(database: TauDatabase, table: string, id: string, values: readonly PyValue[]): string {
  const record = database.writable(table, id);
  record.set('address', new PyDict(ADDRESS_FIELDS.map((field, index) => [field, values[index] as PyValue] as const)));
  return pyJson(record);
}

function isPending(order: PyDict): boolean {
  return itemAt(order, 'status') === 'pending';
}
