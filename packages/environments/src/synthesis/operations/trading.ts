import { joinWords } from '../phrasing.js';
import type { OrderModel, StockModel, TradingModel } from '../service-scenarios.js';
import type { PlannedArgument, TurnDraft } from '../turn-draft.js';
import { newPassword, newUserName } from '../vocabulary.js';
import { familiarity } from './content.js';
import type { Operation } from './operation.js';
import {
  callerOf,
  chooseNumber,
  impliedText,
  latestResult,
  numberIn,
  type ServiceOperation,
  serviceOperations,
  statedNumber,
} from './service-operation.js';
import { tradingPhrasings as phrasings } from './trading-phrasings.js';
import { changing, fieldOf, spokenArgument, spokenNumber, statedText, unchanged, word } from './wording.js';

const call = callerOf('TradingBot');

const operations: readonly ServiceOperation<TradingModel>[] = [
  {
    name: 'trading-login',
    methods: ['trading_login'],
    weight: (_draft, model) => (model.authenticated ? 0 : 5),
    run(draft, model) {
      const [name, password] = [newUserName(draft.random), newPassword(draft.random)];
      const args = [statedText(draft, 'username', name), statedText(draft, 'password', password)];
      call(draft, 'trading_login', args, changing);
      model.authenticated = true;
      const text = word(draft, phrasings.login, { name: `'${name}'`, password: `'${password}'` });
      return { text, message: 'You are logged in to trading.' };
    },
  },
  {
    name: 'trading-logout',
    methods: ['trading_logout'],
    weight: (draft, model) => (model.authenticated && draft.turn >= 2 ? 0.2 : 0),
    run(draft, model) {
      call(draft, 'trading_logout', [], changing);
      model.authenticated = false;
      return { text: word(draft, phrasings.logout), message: 'You are logged out of trading.' };
    },
  },
  {
    name: 'trading-status',
    methods: ['trading_get_login_status'],
    weight: () => 0.15,
    run(draft, model) {
      call(draft, 'trading_get_login_status', [], unchanged);
      const message = model.authenticated ? 'Yes, you are logged in.' : 'No, you are not logged in.';
      return { text: word(draft, phrasings.status), message };
    },
  },
  {
    name: 'trading-time',
    methods: ['get_current_time'],
    weight: () => 0.2,
    run(draft) {
      const options = { changes: false, answers: (result: unknown) => [fieldOf(result, 'current_time')] };
      const time = fieldOf(call(draft, 'get_current_time', [], options), 'current_time');
      return { text: word(draft, phrasings.time), message: `It is ${time}.` };
    },
  },
  {
    name: 'symbol-by-name',
    methods: ['get_symbol_by_name'],
    weight: (_draft, model) => (model.stocks.some(isNew) ? 1.4 : 0),
    run(draft, model) {
      const stock = draft.random.pick(model.stocks.filter(isNew));
      const symbol = stock.entity.literal;
      const args = [statedText(draft, 'name', stock.company)];
      call(draft, 'get_symbol_by_name', args, { changes: false, answers: () => [symbol] });
      draft.learn(stock.entity, 'fetched');
      const text = word(draft, phrasings.symbol, { company: `'${stock.company}'` });
      return { text, focus: stock.entity, message: `The symbol is ${symbol}.` };
    },
  },
  {
    name: 'stock-info',
    methods: ['get_stock_info'],
    uses: ['stock'],
    weight: () => 1.6,
    run(draft, model) {
      const stock = pickStock(draft, model);
      const target = draft.refer(stock.entity);
      const options = { changes: false, answers: (_: unknown, content: string) => [numberIn(content, 'price')] };
      call(draft, 'get_stock_info', [spokenArgument('symbol', target)], options);
      draft.mark(stock.entity, 'fetched');
      const price = draft.scenario.registry.add('value', numberIn(latestResult(draft), 'price'));
      draft.learn(price, 'price');
      return {
        text: word(draft, phrasings.info, { stock: target.phrase }),
        focus: stock.entity,
        message: `The price is ${price.literal}.`,
      };
    },
  },
  {
    name: 'place-order',
    methods: ['place_order'],
    uses: ['stock', 'value'],
    weight: (_draft, model) => (model.authenticated ? 2.4 : 0),
    run(draft, model) {
      const type = draft.random.pick(['Buy', 'Sell'] as const);
      const amount = draft.random.integer(1, 12);
      const isAffordable = (price: number) => price > 0 && (type === 'Sell' || price * amount <= model.balance);
      const stock = pickStock(draft, model);
      const target = draft.refer(stock.entity);
      const price = chooseNumber(draft, isAffordable, () => `${draft.random.integer(5, 150)}`);
      if (!isAffordable(Number(price.literal))) return undefined;
      const args = [
        impliedText(draft, 'order_type', type, type.toLowerCase()),
        spokenArgument('symbol', target),
        spokenNumber('price', price),
        statedNumber(draft, 'amount', `${amount}`),
      ];
      const options = { changes: true, answers: (result: unknown) => [fieldOf(result, 'order_id')] };
      const id = fieldOf(call(draft, 'place_order', args, options), 'order_id');
      const entity = draft.scenario.registry.add('order', id);
      draft.learn(entity, 'placed');
      draft.mark(stock.entity, 'ordered');
      model.orders.push({ entity, isOpen: true });
      const shares = `${amount} share${amount === 1 ? '' : 's'}`;
      const slots = { type: type.toLowerCase(), shares, stock: target.phrase, price: price.phrase };
      return { text: word(draft, phrasings.place, slots), focus: entity, message: `Order ${id} is placed.` };
    },
  },
  {
    name: 'order-details',
    methods: ['get_order_details'],
    uses: ['order'],
    weight: () => 1,
    run(draft, model) {
      const order = pickOrder(draft, model, () => true);
      if (order === undefined) return undefined;
      const target = draft.refer(order.entity);
      call(draft, 'get_order_details', [spokenNumber('order_id', target)], unchanged);
      draft.mark(order.entity, 'read');
      const text = word(draft, phrasings.details, { order: target.phrase });
      return { text, focus: order.entity, message: 'Here is the order.' };
    },
  },
  {
    name: 'cancel-order',
    methods: ['cancel_order'],
    uses: ['order'],
    weight: (_draft, model) => (model.orders.some(({ isOpen }) => isOpen) ? 1.2 : 0),
    run(draft, model) {
      const isCancellable = ({ isOpen, entity }: OrderModel) =>
        isOpen && entity.roles.get('placed')?.last.turn !== draft.turn;
      const order = pickOrder(draft, model, isCancellable);
      if (order === undefined) return undefined;
      const target = draft.refer(order.entity);
      call(draft, 'cancel_order', [spokenNumber('order_id', target)], changing);
      order.isOpen = false;
      const text = word(draft, phrasings.cancel, { order: target.phrase });
      return { text, focus: order.entity, message: `Order ${order.entity.literal} is cancelled.` };
    },
  },
  {
    name: 'order-history',
    methods: ['get_order_history'],
    weight: (_draft, model) => (model.authenticated ? 0.4 : 0),
    run(draft, model) {
      call(draft, 'get_order_history', [], unchanged);
      draft.surface(model.orders.map(({ entity }) => entity));
      return { text: word(draft, phrasings.history), message: `There are ${model.orders.length} orders.` };
    },
  },
  {
    name: 'account-info',
    methods: ['get_account_info'],
    weight: (_draft, model) => (model.authenticated ? 0.9 : 0),
    run(draft) {
      const options = { changes: false, answers: (_: unknown, content: string) => [numberIn(content, 'balance')] };
      call(draft, 'get_account_info', [], options);
      const balance = draft.scenario.registry.add('value', numberIn(latestResult(draft), 'balance'));
      draft.learn(balance, 'balance');
      return { text: word(draft, phrasings.account), focus: balance, message: `The balance is ${balance.literal}.` };
    },
  },
  {
    name: 'fund-account',
    methods: ['fund_account'],
    uses: ['value'],
    weight: (_draft, model) => (model.authenticated ? 1.1 : 0),
    run(draft, model) {
      const amount = chooseNumber(
        draft,
        (value) => value > 0,
        () => `${draft.random.integer(2, 90) * 10}`,
        0.4,
      );
      call(draft, 'fund_account', [spokenNumber('amount', amount)], changing);
      model.balance += Number(amount.literal);
      model.transfers++;
      return { text: word(draft, phrasings.fund, { amount: amount.phrase }), message: 'The money is in the account.' };
    },
  },
  {
    name: 'withdraw-funds',
    methods: ['withdraw_funds'],
    uses: ['value'],
    weight: (_draft, model) => (model.authenticated && model.isMarketOpen ? 1 : 0),
    run(draft, model) {
      const fits = (value: number) => value > 0 && value <= model.balance;
      const amount = chooseNumber(draft, fits, () => `${draft.random.integer(2, 90) * 5}`, 0.3);
      if (!fits(Number(amount.literal))) return undefined;
      call(draft, 'withdraw_funds', [spokenNumber('amount', amount)], changing);
      model.balance -= Number(amount.literal);
      model.transfers++;
      return { text: word(draft, phrasings.withdraw, { amount: amount.phrase }), message: 'The money is withdrawn.' };
    },
  },
  {
    name: 'transaction-history',
    methods: ['get_transaction_history'],
    weight: (_draft, model) => (model.authenticated && model.transfers > 0 ? 0.5 : 0),
    run(draft) {
      call(draft, 'get_transaction_history', [], unchanged);
      return { text: word(draft, phrasings.transactions), message: 'Here are the transactions.' };
    },
  },
  {
    name: 'watch-stock',
    methods: ['add_to_watchlist'],
    uses: ['stock'],
    weight: (_draft, model) => (model.watched.size < model.stocks.length ? 1.3 : 0),
    run(draft, model) {
      const stock = pickStock(draft, model, ({ entity }) => !model.watched.has(entity.literal));
      const target = draft.refer(stock.entity);
      call(draft, 'add_to_watchlist', [spokenArgument('stock', target)], changing);
      model.watched.add(stock.entity.literal);
      draft.mark(stock.entity, 'watched');
      const text = word(draft, phrasings.watch, { stock: target.phrase });
      return { text, focus: stock.entity, message: 'The stock is on the watchlist.' };
    },
  },
  {
    name: 'unwatch-stock',
    methods: ['remove_stock_from_watchlist'],
    uses: ['stock'],
    weight: (_draft, model) => (model.authenticated && model.watched.size > 0 ? 0.9 : 0),
    run(draft, model) {
      const isRemovable = ({ entity }: StockModel) =>
        model.watched.has(entity.literal) && entity.roles.get('watched')?.last.turn !== draft.turn;
      const removable = model.stocks.filter(isRemovable);
      if (removable.length === 0) return undefined;
      const stock = pickStock(draft, model, isRemovable);
      const target = draft.refer(stock.entity);
      call(draft, 'remove_stock_from_watchlist', [spokenArgument('symbol', target)], changing);
      model.watched.delete(stock.entity.literal);
      const text = word(draft, phrasings.unwatch, { stock: target.phrase });
      return { text, focus: stock.entity, message: 'The stock is off the watchlist.' };
    },
  },
  {
    name: 'watchlist',
    methods: ['get_watchlist'],
    weight: (_draft, model) => (model.authenticated ? 0.6 : 0),
    run(draft, model) {
      call(draft, 'get_watchlist', [], unchanged);
      draft.surface(model.stocks.filter(({ entity }) => model.watched.has(entity.literal)).map(({ entity }) => entity));
      return { text: word(draft, phrasings.watchlist), message: 'Here is the watchlist.' };
    },
  },
  {
    name: 'sector-stocks',
    methods: ['get_available_stocks'],
    weight: () => 0.4,
    run(draft) {
      const sector = draft.random.pick(['Technology', 'Automobile']);
      call(draft, 'get_available_stocks', [statedText(draft, 'sector', sector)], unchanged);
      return { text: word(draft, phrasings.sector, { sector: `'${sector}'` }), message: 'Here are the stocks.' };
    },
  },
  {
    name: 'filter-stocks',
    methods: ['filter_stocks_by_price'],
    weight: (_draft, model) => (model.stocks.length > 2 ? 0.5 : 0),
    run(draft, model) {
      const [list, names] = stateStocks(draft, model);
      const low = draft.random.integer(1, 15) * 10;
      const high = low + draft.random.integer(4, 20) * 10;
      const args = [list, statedNumber(draft, 'min_price', `${low}`), statedNumber(draft, 'max_price', `${high}`)];
      call(draft, 'filter_stocks_by_price', args, unchanged);
      const text = word(draft, phrasings.filter, { stocks: names, low: `${low}`, high: `${high}` });
      return { text, message: 'Here are the ones in that range.' };
    },
  },
  {
    name: 'price-changes',
    methods: ['notify_price_change'],
    weight: (_draft, model) => (model.stocks.length > 2 ? 0.5 : 0),
    run(draft, model) {
      const [list, names] = stateStocks(draft, model);
      const threshold = `${draft.random.integer(1, 5)}`;
      call(draft, 'notify_price_change', [list, statedNumber(draft, 'threshold', threshold)], unchanged);
      return { text: word(draft, phrasings.changes, { stocks: names, threshold }), message: 'I checked the changes.' };
    },
  },
];

/** Operations on TradingBot: all 20 methods. */
export const tradingOperations: readonly Operation[] = serviceOperations(
  'TradingBot',
  ({ trading }) => trading,
  operations,
);

/** Nobody has told the symbol yet. */
function isNew({ entity }: StockModel): boolean {
  return entity.known === undefined;
}

/** @param fits - some stock does. */
function pickStock(
  draft: TurnDraft,
  { stocks }: TradingModel,
  fits: (stock: StockModel) => boolean = () => true,
): StockModel {
  return draft.random.pickWeighted(stocks.filter(fits), ({ entity }) => familiarity(draft, entity))!;
}

function pickOrder(
  draft: TurnDraft,
  { orders }: TradingModel,
  fits: (order: OrderModel) => boolean,
): OrderModel | undefined {
  return draft.random.pickWeighted(orders.filter(fits), ({ entity }) => familiarity(draft, entity));
}

/** A list of symbols that the message states. */
function stateStocks(draft: TurnDraft, { stocks }: TradingModel): [PlannedArgument, string] {
  const symbols = draft.random.sample(stocks, draft.random.integer(2, 3)).map(({ entity }) => entity.literal);
  const names = joinWords(symbols);
  return [{ name: 'stocks', value: symbols, provenance: draft.stated(names) }, names];
}
