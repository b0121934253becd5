import { pyContains, pyEquals } from '../../bfcl/python/compare.js';
import { pyStr } from '../../bfcl/python/render.js';
import { itemAt } from '../../bfcl/python/subscript.js';
import { isTruthy, iterate, lengthOf, type PyDict, PythonError, type PyValue } from '../../bfcl/python/value.js';
import type { TauDatabase } from '../database.js';
import { add, count, subtract } from '../python-operations.js';

/** Ids of an order's lines. */
function itemIdsOf(order: PyDict): PyValue[] {
  return iterate(itemAt(order, 'items')).map((item) => itemAt(item, 'item_id'));
}

/** The first requested id that is requested more often than the order has it. */
export function findExcessItem(order: PyDict, itemIds: PyValue): PyValue | undefined {
  const ordered = itemIdsOf(order);
  return iterate(itemIds).find((id) => count(itemIds, id) > count(ordered, id));
}

/** The first line that holds an item. */
export function lineOf(order: PyDict, itemId: PyValue): PyDict {
  const line = iterate(itemAt(order, 'items')).find((item) => pyEquals(itemAt(item, 'item_id'), itemId));
  if (line === undefined) throw new PythonError('IndexError', 'list index out of range');
  return line as PyDict;
}

/** The variant of a product; it must exist. */
export function variantOf(database: TauDatabase, productId: PyValue, itemId: PyValue): PyValue {
  return itemAt(variantsOf(database, productId), itemId);
}

function variantsOf(database: TauDatabase, productId: PyValue): PyValue {
  return itemAt(database.find('products', productId) as PyDict, 'variants');
}

export type PriceDifference = { readonly refusal: string } | { readonly refusal?: never; readonly difference: PyValue };

/**
 * What swapping items costs, not rounded: int 0 for no items. Each new item must be an available variant of the same
 * product.
 */
export function priceDifference(
  database: TauDatabase,
  order: PyDict,
  itemIds: PyValue,
  newItemIds: PyValue,
): PriceDifference {
  const excess = findExcessItem(order, itemIds);
  if (excess !== undefined) return { refusal: `Error: ${pyStr(excess)} not found` };
  if (lengthOf(itemIds) !== lengthOf(newItemIds)) {
    return { refusal: 'Error: the number of items to be exchanged should match' };
  }
  let difference: PyValue = 0n;
  for (const [itemId, newItemId] of pairs(itemIds, newItemIds)) {
    const line = lineOf(order, itemId);
    const variants = variantsOf(database, itemAt(line, 'product_id'));
    if (!pyContains(variants, newItemId) || !isTruthy(itemAt(itemAt(variants, newItemId), 'available'))) {
      return { refusal: `Error: new item ${pyStr(newItemId)} not found or available` };
    }
    const newPrice = itemAt(itemAt(variants, newItemId), 'price');
    difference = add(difference, subtract(newPrice, itemAt(line, 'price')));
  }
  return { difference };
}

/** Python `zip` of two values of equal length. */
export function pairs(itemIds: PyValue, newItemIds: PyValue): (readonly [PyValue, PyValue])[] {
  const right = iterate(newItemIds);
  return iterate(itemIds).map((left, index) => [left, right[index] as PyValue] as const);
}
