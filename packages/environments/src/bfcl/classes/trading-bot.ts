import { type ApiClass, errorResult, type InstanceContext, loadAttribute, parameter } from '../api-class.js';
import { absolute } from '../builtins.js';
import { pyContains, pyEquals, pyOrder } from '../python/compare.js';
import { formatDecimals } from '../python/format.js';
import { toFloat, toInt } from '../python/numbers.js';
import { dictFor, dictItem, listFor, noAttribute, textFor } from '../python/object-access.js';
import { applyBinary, applyInPlace } from '../python/operators.js';
import { type PyRandom, pyRandom } from '../python/random.js';
import { pyRepr, pyStr } from '../python/render.js';
import { compareDateTimes, type DateTime, strptime } from '../python/strptime.js';
import { itemAt, setItem } from '../python/subscript.js';
import { isDigits, joinTexts } from '../python/text.js';
import { isTruthy, iterate, PyDict, type PyValue } from '../python/value.js';
import { defaultAccount, defaultOrders, defaultStocks, SECTORS, SYMBOLS } from './trading-tables.js';

type TradingState = {
  orders: PyDict;
  account_info: PyValue;
  authenticated: PyValue;
  market_status: PyValue;
  order_counter: PyValue;
  stocks: PyValue;
  watch_list: PyValue;
  transaction_history: PyValue;
  long_context: boolean;
  _random: PyRandom;
};

const DEFAULT_SEED = 1053520n;
/** 2024-09-01 10:30:00, from where transactions are stamped for a day. */
const NOW = Date.UTC(2024, 8, 1, 10, 30);
const SECONDS_PER_DAY = 86400n;

const symbol = parameter('symbol', 'string', 'Symbol of the stock.');
const orderId = parameter('order_id', 'integer', 'Id of the order.');
const stocks = parameter('stocks', { type: 'array', items: { type: 'string' } }, 'Symbols of the stocks to look at.');

/** A stock account: orders, watch list, transfers. Most of it needs a login, which any name and password give. */
export const tradingBot: ApiClass<TradingState> = {
  name: 'TradingBot',

  load(config, { longContext }) {
    return {
      orders: withIntKeys(loadAttribute(config, 'orders', defaultOrders())),
      account_info: loadAttribute(config, 'account_info', defaultAccount()),
      authenticated: loadAttribute(config, 'authenticated', false),
      market_status: loadAttribute(config, 'market_status', 'Closed'),
      order_counter: loadAttribute(config, 'order_counter', 12446n),
      stocks: loadAttribute(config, 'stocks', defaultStocks()),
      watch_list: loadAttribute(config, 'watch_list', ['NVDA']),
      transaction_history: loadAttribute(config, 'transaction_history', []),
      long_context: longContext !== undefined,
      _random: pyRandom(loadAttribute(config, 'random_seed', DEFAULT_SEED), DEFAULT_SEED),
    };
  },

  methods: {
    get_current_time: {
      description: 'Show the time of day.',
      parameters: [],
      run() {
        return PyDict.of({ current_time: '10:30 AM' });
      },
    },

    get_symbol_by_name: {
      description: 'Look up the symbol of a company.',
      parameters: [parameter('name', 'string', 'Name of the company.')],
      run(_state, name = null) {
        return PyDict.of({ symbol: SYMBOLS.get(name) ?? 'Stock not found' });
      },
    },

    get_stock_info: {
      description: 'Show price, change, volume and moving averages of a stock.',
      parameters: [symbol],
      run(state, stock = null) {
        if (!pyContains(state.stocks, stock)) {
          return errorResult(`Stock with symbol '${pyStr(stock)}' not found.`);
        }
        const info = itemAt(state.stocks, stock);
        if (this.longContext === undefined) return info;
        const { movingAverage5, movingAverage20 } = this.longContext;
        const extended = copyOf(info);
        setItem(extended, 'MA(5)', this.process.get('MA_5_EXTENSION', movingAverage5));
        setItem(extended, 'MA(20)', this.process.get('MA_20_EXTENSION', movingAverage20));
        return extended;
      },
    },

    get_order_details: {
      description: 'Show an order.',
      parameters: [orderId],
      run(state, id = null) {
        const order = state.orders.get(id);
        if (order === undefined) {
          const known = pyRepr(state.orders.keys());
          return errorResult(`Order with ID ${pyStr(id)} not found.Here is the list of orders_id: ${known}`);
        }
        if (this.longContext === undefined) return order;
        const extended = copyOf(order);
        const metadata = orderMetadata(this.longContext.orderDetails, dictItem(extended, 'symbol'));
        if (metadata.has('error')) return metadata;
        setItem(extended, 'metadata', metadata);
        return extended;
      },
    },

    cancel_order: {
      description: 'Cancel an order that is not completed.',
      parameters: [orderId],
      run(state, id = null) {
        const order = state.orders.get(id);
        if (order === undefined) return errorResult(`Order with ID ${pyStr(id)} not found.`);
        if (pyEquals(dictItem(order, 'status'), 'Completed')) {
          return errorResult(`Can't cancel order ${pyStr(id)}. Order is already completed.`);
        }
        setItem(order, 'status', 'Cancelled');
        return PyDict.of({ order_id: id, status: 'Cancelled' });
      },
    },

    place_order: {
      description: 'Place an order for a stock. The money stays in the account until the order is executed.',
      parameters: [
        parameter('order_type', 'string', 'Buy or Sell.'),
        symbol,
        parameter('price', 'number', 'Price per share.'),
        parameter('amount', 'integer', 'Number of shares.'),
      ],
      run(state, type = null, stock = null, price = null, amount = null) {
        if (!isTruthy(state.authenticated)) return notAuthenticated('place an order');
        if (!pyContains(state.stocks, stock)) return errorResult(`Invalid stock symbol: ${pyStr(stock)}`);
        if (pyOrder('<=', price, 0n) || pyOrder('<=', amount, 0n)) {
          return errorResult('Price and amount must be positive values.');
        }
        if (textFor(type, 'lower').toLowerCase() === 'buy') {
          const cost = applyBinary('*', toFloat(price), toInt(amount));
          const balance = dictFor(state.account_info, 'get').get('balance') ?? 0n;
          if (pyOrder('>', cost, balance)) {
            const required = formatDecimals(cost, 2);
            return errorResult(
              `Insufficient funds: required $${required} but only $${formatDecimals(balance, 2)} available.`,
            );
          }
        }
        const order = {
          id: state.order_counter,
          order_type: type,
          symbol: stock,
          price: toFloat(price),
          amount,
          status: 'Open',
        };
        state.orders.set(order.id, PyDict.of(order));
        state.order_counter = applyInPlace('+', state.order_counter, 1n);
        // Reported as pending, stored as open: the reference's picture of the time an order takes.
        return PyDict.of({ order_id: order.id, order_type: type, status: 'Pending', price: order.price, amount });
      },
    },

    withdraw_funds: {
      description: 'Take money out of the account while the market is open.',
      parameters: [parameter('amount', 'number', 'Amount to take out.')],
      run(state, amount = null) {
        if (!isTruthy(state.authenticated)) return notAuthenticated('make a transaction');
        if (!pyEquals(state.market_status, 'Open')) {
          return errorResult('Market is closed. Transactions are not allowed.');
        }
        if (pyOrder('<=', amount, 0n)) return errorResult('Transaction amount must be positive.');
        if (pyOrder('>', amount, dictItem(state.account_info, 'balance'))) {
          return errorResult('Insufficient funds for withdrawal.');
        }
        return transfer(state, '-', 'withdrawal', amount, 'Withdrawal successful');
      },
    },

    get_account_info: {
      description: 'Show id, balance and bound card of the account.',
      parameters: [],
      run(state) {
        return isTruthy(state.authenticated) ? state.account_info : notAuthenticated('view account information');
      },
    },

    trading_login: {
      description: 'Log in to the account.',
      parameters: [
        parameter('username', 'string', 'Name of the user.'),
        parameter('password', 'string', 'Password of the user.'),
      ],
      run(state) {
        if (isTruthy(state.authenticated)) return PyDict.of({ status: 'Already logged in' });
        state.authenticated = true;
        return PyDict.of({ status: 'Logged in successfully' });
      },
    },

    trading_get_login_status: {
      description: 'Show whether the account is logged in.',
      parameters: [],
      run(state) {
        return PyDict.of({ status: isTruthy(state.authenticated) });
      },
    },

    trading_logout: {
      description: 'Log out of the account.',
      parameters: [],
      run(state) {
        if (!isTruthy(state.authenticated)) return PyDict.of({ status: 'No user is currently logged in' });
        state.authenticated = false;
        return PyDict.of({ status: 'Logged out successfully' });
      },
    },

    fund_account: {
      description: 'Put money into the account.',
      parameters: [parameter('amount', 'number', 'Amount to put in.')],
      run(state, amount = null) {
        if (!isTruthy(state.authenticated)) return notAuthenticated('fund the account');
        if (pyOrder('<=', amount, 0n)) return errorResult('Funding amount must be positive.');
        return transfer(state, '+', 'deposit', amount, 'Account funded successfully');
      },
    },

    remove_stock_from_watchlist: {
      description: 'Take a stock off the watch list.',
      parameters: [symbol],
      run(state, stock = null) {
        if (!isTruthy(state.authenticated)) return notAuthenticated('modify the watchlist');
        if (!pyContains(state.watch_list, stock)) return errorResult(`Stock ${pyStr(stock)} not found in watchlist.`);
        const watched = listFor(state.watch_list, 'remove');
        watched.splice(
          watched.findIndex((known) => pyEquals(known, stock)),
          1,
        );
        return PyDict.of({ status: `Stock ${pyStr(stock)} removed from watchlist successfully.` });
      },
    },

    get_watchlist: {
      description: 'List the watched stocks.',
      parameters: [],
      run(state) {
        if (!isTruthy(state.authenticated)) {
          return ['Error: User not authenticated. Please log in to view the watchlist.'];
        }
        if (this.longContext === undefined) return PyDict.of({ watchlist: state.watch_list });
        return [...listFor(state.watch_list, 'copy'), ...this.longContext.watchList];
      },
    },

    get_order_history: {
      description: 'List the ids of all orders.',
      parameters: [],
      run(state) {
        if (!isTruthy(state.authenticated)) return [notAuthenticated('view order history')];
        return PyDict.of({ history: state.orders.keys() });
      },
    },

    get_transaction_history: {
      description: 'List deposits and withdrawals, of all time or of a range of dates.',
      parameters: [
        parameter('start_date', 'string', 'First day, as YYYY-MM-DD.', null),
        parameter('end_date', 'string', 'Midnight before this day is the end, as YYYY-MM-DD.', null),
      ],
      run(state, startDate = null, endDate = null) {
        if (!isTruthy(state.authenticated)) return [notAuthenticated('view transaction history')];
        const start = isTruthy(startDate) ? strptime(startDate, '%Y-%m-%d') : undefined;
        const end = isTruthy(endDate) ? strptime(endDate, '%Y-%m-%d') : undefined;
        const history = iterate(state.transaction_history).filter((transaction) =>
          isBetween(strptime(dictItem(transaction, 'timestamp'), '%Y-%m-%d %H:%M:%S'), start, end),
        );
        return PyDict.of({ transaction_history: [...history, ...transactionExtension(this)] });
      },
    },

    get_available_stocks: {
      description: 'List the stocks of a sector.',
      parameters: [parameter('sector', 'string', 'Technology or Automobile.')],
      run(_state, sector = null) {
        const known = SECTORS.get(sector);
        if (known === undefined) return PyDict.of({ stock_list: [] });
        const { technologyStocks = [], automobileStocks = [] } = this.longContext ?? {};
        const more = sector === 'Technology' ? technologyStocks : automobileStocks;
        return PyDict.of({ stock_list: [...(known as PyValue[]), ...more] });
      },
    },

    filter_stocks_by_price: {
      description: 'Keep the stocks whose price is in a range, ends included.',
      parameters: [
        stocks,
        parameter('min_price', 'number', 'Lowest price.'),
        parameter('max_price', 'number', 'Highest price.'),
      ],
      run(state, symbols = null, lowest = null, highest = null) {
        const priceOf = (stock: PyValue): PyValue => {
          const info = dictFor(state.stocks, 'get').get(stock) ?? new PyDict();
          return dictFor(info, 'get').get('price') ?? 0n;
        };
        const filtered_stocks = iterate(symbols).filter(
          (stock) => pyOrder('>=', priceOf(stock), lowest) && pyOrder('<=', priceOf(stock), highest),
        );
        return PyDict.of({ filtered_stocks });
      },
    },

    add_to_watchlist: {
      description: 'Put a stock on the watch list.',
      parameters: [parameter('stock', 'string', 'Symbol of the stock.')],
      run(state, stock = null) {
        if (!pyContains(state.watch_list, stock) && pyContains(state.stocks, stock)) {
          listFor(state.watch_list, 'append').push(stock);
        }
        return PyDict.of({ watchlist: state.watch_list });
      },
    },

    notify_price_change: {
      description: 'Tell which stocks changed in price by at least a threshold, up or down.',
      parameters: [stocks, parameter('threshold', 'number', 'Least change, in percent.')],
      run(state, symbols = null, threshold = null) {
        const changed = iterate(symbols).filter(
          (stock) =>
            pyContains(state.stocks, stock) &&
            pyOrder('>=', absolute(dictItem(itemAt(state.stocks, stock), 'percent_change')), threshold),
        );
        const notification =
          changed.length === 0
            ? 'No significant price changes in the selected stocks.'
            : `Stocks ${joinTexts(', ', changed)} have significant price changes.`;
        return PyDict.of({ notification });
      },
    },
  },
};

/** Orders with texts of digits as int keys; other keys stay as they are. */
function withIntKeys(orders: PyValue): PyDict {
  return new PyDict(
    Array.from(dictFor(orders, 'items').entries(), ([key, order]) => [
      typeof key === 'string' && isDigits(key) ? toInt(key) : key,
      order,
    ]),
  );
}

function notAuthenticated(purpose: string): PyDict {
  return errorResult(`User not authenticated. Please log in to ${purpose}.`);
}

/** Python `value.copy()`, shallow. */
function copyOf(value: PyValue): PyValue {
  if (Array.isArray(value)) return value.slice();
  if (value instanceof PyDict) return new PyDict(value.entries());
  throw noAttribute(value, 'copy');
}

/** Python `text.format(symbol=…)` over the texts; another field than `{symbol}` is an error result. */
function orderMetadata(texts: PyDict, symbolValue: PyValue): PyDict {
  const metadata = new PyDict();
  for (const [key, text] of texts.entries()) {
    const template = textFor(text, 'format');
    const unknown = /\{(?!symbol\})([^{}]*)\}/.exec(template);
    if (unknown !== null) return errorResult(`KeyError during formatting: '${unknown[1]}'`);
    metadata.set(
      key,
      template.replaceAll('{symbol}', () => pyStr(symbolValue)),
    );
  }
  return metadata;
}

function transfer(state: TradingState, operator: '+' | '-', type: string, amount: PyValue, status: string): PyDict {
  const account = state.account_info;
  setItem(account, 'balance', applyInPlace(operator, dictItem(account, 'balance'), amount));
  const history = listFor(state.transaction_history, 'append');
  history.push(PyDict.of({ type, amount, timestamp: randomTimestamp(state._random) }));
  return PyDict.of({ status, new_balance: dictItem(account, 'balance') });
}

function randomTimestamp(random: PyRandom): string {
  const seconds = Number(random.randint(0n, SECONDS_PER_DAY));
  return new Date(NOW + seconds * 1000).toISOString().slice(0, 19).replace('T', ' ');
}

function isBetween(moment: DateTime, start: DateTime | undefined, end: DateTime | undefined): boolean {
  if (start !== undefined && compareDateTimes(moment, start) < 0) return false;
  return end === undefined || compareDateTimes(moment, end) <= 0;
}

function transactionExtension({ longContext, process }: InstanceContext): readonly PyValue[] {
  if (longContext === undefined) return [];
  return process.get('TRANSACTION_HISTORY_EXTENSION', longContext.transactionHistory);
}
