import { expect, test } from 'vitest';
import { instancesOf, LONG_CONTEXT } from './class-fixture.js';

// Expected texts are those of the benchmark's reference implementation, run on CPython 3.11.

const OPEN = '{"TradingBot": {"authenticated": true, "market_status": "Open"}}';

test('orders are checked against the balance and stored as open', () => {
  const { run } = instancesOf(['TradingBot'], OPEN);
  expect(run("place_order('Buy', 'AAPL', 227.16, 100)")).toBe(
    '{"error": "Insufficient funds: required $22716.00 but only $10000.00 available."}',
  );
  expect(run("place_order('Buy', 'AAPL', 100, 10)")).toBe(
    '{"order_id": 12446, "order_type": "Buy", "status": "Pending", "price": 100.0, "amount": 10}',
  );
  expect(run('get_order_details(12446)')).toBe(
    '{"id": 12446, "order_type": "Buy", "symbol": "AAPL", "price": 100.0, "amount": 10, "status": "Open"}',
  );
  expect(run('cancel_order(12446)')).toBe('{"order_id": 12446, "status": "Cancelled"}');
  expect(run('cancel_order(12345)')).toBe('{"error": "Can\'t cancel order 12345. Order is already completed."}');
  expect(run('get_order_details(1)')).toBe(
    '{"error": "Order with ID 1 not found.Here is the list of orders_id: [12345, 12446]"}',
  );
});

test('transfers are stamped by the seeded generator', () => {
  const { run } = instancesOf(['TradingBot'], OPEN);
  // 69015, 6994 and 64788 seconds after 2024-09-01 10:30:00.
  expect(run('fund_account(5)')).toBe('{"status": "Account funded successfully", "new_balance": 10005.0}');
  expect(run('withdraw_funds(0.5)')).toBe('{"status": "Withdrawal successful", "new_balance": 10004.5}');
  expect(run('get_transaction_history()')).toBe(
    '{"transaction_history": [{"type": "deposit", "amount": 5, "timestamp": "2024-09-02 05:40:15"}, {"type": "withdrawal", "amount": 0.5, "timestamp": "2024-09-01 12:26:34"}]}',
  );
  // The end date is its midnight.
  expect(run("get_transaction_history('2024-09-01', '2024-9-2')")).toBe(
    '{"transaction_history": [{"type": "withdrawal", "amount": 0.5, "timestamp": "2024-09-01 12:26:34"}]}',
  );
  expect(run("get_transaction_history('soon')")).toBe(
    "Error during execution: time data 'soon' does not match format '%Y-%m-%d'",
  );
});

test('texts of digits are loaded as int ids; other keys stay and are listed', () => {
  const orders = '{"12": {"id": 12, "status": "Open"}, "order_type": "Buy"}';
  const { run } = instancesOf(['TradingBot'], `{"TradingBot": {"authenticated": true, "orders": ${orders}}}`);
  expect(run('get_order_history()')).toBe('{"history": [12, "order_type"]}');
  expect(run("get_order_details('order_type')")).toBe('Buy');
  expect(run("cancel_order('order_type')")).toBe("Error during execution: string indices must be integers, not 'str'");
});

test('without a login some methods answer with a list', () => {
  const { run } = instancesOf(['TradingBot']);
  expect(run('get_watchlist()')).toBe("['Error: User not authenticated. Please log in to view the watchlist.']");
  expect(run('get_order_history()')).toBe(
    "[{'error': 'User not authenticated. Please log in to view order history.'}]",
  );
  expect(run("place_order('Buy', 'AAPL', 1, 1)")).toBe(
    '{"error": "User not authenticated. Please log in to place an order."}',
  );
  expect(run("trading_login('a', 'b')")).toBe('{"status": "Logged in successfully"}');
  expect(run("remove_stock_from_watchlist('NVDA')")).toBe(
    '{"status": "Stock NVDA removed from watchlist successfully."}',
  );
  expect(run("add_to_watchlist('NOPE')")).toBe('{"watchlist": []}');
});

test('prices and changes select stocks, unknown ones cost nothing', () => {
  const { run } = instancesOf(['TradingBot']);
  expect(run("filter_stocks_by_price(['AAPL', 'ZETA', 'NOPE'], 0, 227.16)")).toBe(
    '{"filtered_stocks": ["AAPL", "ZETA", "NOPE"]}',
  );
  expect(run("notify_price_change(['AAPL', 'TSLA', 'NOPE'], 0.12)")).toBe(
    '{"notification": "Stocks AAPL, TSLA have significant price changes."}',
  );
  expect(run("notify_price_change(['AAPL'], '1')")).toBe(
    "Error during execution: '>=' not supported between instances of 'float' and 'str'",
  );
});

test('long context lengthens results, and leaves the stocks as they are', () => {
  const { run } = instancesOf(['TradingBot'], OPEN, { longContext: LONG_CONTEXT });
  expect(run("get_stock_info('ZETA')")).toBe(
    '{"price": 22.09, "percent_change": -0.05, "volume": 0.789, "MA(5)": [5.5], "MA(20)": [20.5]}',
  );
  expect(run('get_order_details(12446)')).toContain('"metadata": {"overview": "All about GOOG, GOOG."}');
  expect(run('get_watchlist()')).toBe("['NVDA', 'LONG', Ellipsis]");
  expect(run("get_available_stocks('Automobile')")).toBe('{"stock_list": ["TSLA", "F", "GM", "AUTO"]}');
  expect(run('get_transaction_history()')).toContain('"2020-01-01 00:00:00.5"');
});
