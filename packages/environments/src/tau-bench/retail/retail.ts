import { pyJson } from '../../bfcl/python/render.js';
import { itemAt } from '../../bfcl/python/subscript.js';
import { compareCodePoints, PyDict } from '../../bfcl/python/value.js';
import { commonTools, printRecord } from '../common-tools.js';
import type { TauDomain } from '../domain.js';
import type { TauTool } from '../tool.js';
import { exchangeDeliveredOrderItems, returnDeliveredOrderItems } from './delivered-order.js';
import { findUserIdByEmail, findUserIdByNameZip } from './find-user.js';
import {
  cancelPendingOrder,
  modifyPendingOrderAddress,
  modifyPendingOrderItems,
  modifyPendingOrderPayment,
  modifyUserAddress,
} from './pending-order.js';

/** `list_all_product_types`: name to product id, by name. */
const listAllProductTypes: TauTool = {
  parameters: [],
  run(database) {
    const types = new Map(
      Array.from(database.records('products'), ([, product]) => [
        itemAt(product, 'name') as string,
        itemAt(product, 'product_id'),
      ]),
    );
    return pyJson(new PyDict(Array.from(types).sort(([a], [b]) => compareCodePoints(a, b))));
  },
};

export const retail: TauDomain = {
  name: 'retail',
  tables: ['orders', 'products', 'users'],
  splits: ['test', 'train', 'dev'],
  terminateTools: new Set(['transfer_to_human_agents']),
  tools: {
    ...commonTools,
    cancel_pending_order: cancelPendingOrder,
    exchange_delivered_order_items: exchangeDeliveredOrderItems,
    find_user_id_by_email: findUserIdByEmail,
    find_user_id_by_name_zip: findUserIdByNameZip,
    get_order_details: printRecord('orders', 'order_id', 'Error: order not found'),
    get_product_details: printRecord('products', 'product_id', 'Error: product not found'),
    list_all_product_types: listAllProductTypes,
    modify_pending_order_address: modifyPendingOrderAddress,
    modify_pending_order_items: modifyPendingOrderItems,
    modify_pending_order_payment: modifyPendingOrderPayment,
    modify_user_address: modifyUserAddress,
    return_delivered_order_items: returnDeliveredOrderItems,
  },
};
