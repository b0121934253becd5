import { pyContains, pyEquals } from '../../bfcl/python/compare.js';
import { pyJson } from '../../bfcl/python/render.js';
import { itemAt } from '../../bfcl/python/subscript.js';
import type { PyDict, PyValue } from '../../bfcl/python/value.js';
import { roundCents, sorted } from '../python-operations.js';
import type { TauTool } from '../tool.js';
import { findExcessItem, priceDifference } from './order-items.js';
import { findPaymentMethod, lacksBalance } from './payment-method.js';

const NOT_FOUND = 'Error: order not found';

/** `exchange_delivered_order_items`: a request only; items, payments and balances stay. */
export const exchangeDeliveredOrderItems: TauTool = {
  parameters: ['order_id', 'item_ids', 'new_item_ids', 'payment_method_id'],
  run(database, ...values) {
    const [orderId, itemIds, newItemIds, paymentMethodId] = values as [PyValue, PyValue, PyValue, PyValue];
    const found = database.find('orders', orderId);
    if (found === undefined) return NOT_FOUND;
    if (!isDelivered(found)) return 'Error: non-delivered order cannot be exchanged';
    const priced = priceDifference(database, found, itemIds, newItemIds);
    if (priced.refusal !== undefined) return priced.refusal;
    const difference = roundCents(priced.difference);
    const method = findPaymentMethod(database, found, paymentMethodId);
    if (method === undefined) return 'Error: payment method not found';
    if (lacksBalance(method, difference)) {
      return 'Error: insufficient gift card balance to pay for the price difference';
    }
    const order = database.writable('orders', orderId as string);
    order.set('status', 'exchange requested');
    order.set('exchange_items', sorted(itemIds));
    order.set('exchange_new_items', sorted(newItemIds));
    order.set('exchange_payment_method_id', paymentMethodId);
    order.set('exchange_price_difference', difference);
    return pyJson(order);
  },
};

/** `return_delivered_order_items`: to the original payment method or a gift card. */
export const returnDeliveredOrderItems: TauTool = {
  parameters: ['order_id', 'item_ids', 'payment_method_id'],
  run(database, ...values) {
    const [orderId, itemIds, paymentMethodId] = values as [PyValue, PyValue, PyValue];
    const found = database.find('orders', orderId);
    if (found === undefined) return NOT_FOUND;
    if (!isDelivered(found)) return 'Error: non-delivered order cannot be returned';
    if (findPaymentMethod(database, found, paymentMethodId) === undefined) return 'Error: payment method not found';
    if (!pyContains(paymentMethodId, 'gift_card') && !pyEquals(paymentMethodId, originalPayment(found))) {
      return 'Error: payment method should be either the original payment method or a gift card';
    }
    if (findExcessItem(found, itemIds) !== undefined) return 'Error: some item not found';
    const order = database.writable('orders', orderId as string);
    order.set('status', 'return requested');
    order.set('return_items', sorted(itemIds));
    order.set('return_payment_method_id', paymentMethodId);
    return pyJson(order);
  },
};

function isDelivered(order: PyDict): boolean {
  return itemAt(order, 'status') === 'delivered';
}

function originalPayment(order: PyDict): PyValue {
  return itemAt(itemAt(itemAt(order, 'payment_history'), 0n), 'payment_method_id');
}
