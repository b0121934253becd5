import type { Entity } from '../entities.js';
import type { BookingModel, TravelModel } from '../service-scenarios.js';
import type { PlannedArgument, Spoken, TurnDraft } from '../turn-draft.js';
import { newPassword } from '../vocabulary.js';
import { chooseText, familiarity } from './content.js';
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
import { travelPhrasings as phrasings } from './travel-phrasings.js';
import { changing, fieldOf, spokenArgument, spokenNumber, statedText, unchanged, word } from './wording.js';

const call = callerOf('TravelAPI');

/** Cities with their airports, and routes between those airports. */
const CITIES = [
  ['San Francisco', 'SFO'],
  ['Los Angeles', 'LAX'],
  ['New York', 'JFK'],
  ['Chicago', 'ORD'],
  ['Boston', 'BOS'],
  ['Rivermist', 'RMS'],
  ['Oakendale', 'OKD'],
  ['Crescent Hollow', 'CRH'],
] as const;
const ROUTES = [
  ['SFO', 'LAX'],
  ['SFO', 'JFK'],
  ['SFO', 'ORD'],
  ['SFO', 'BOS'],
  ['LAX', 'SFO'],
  ['LAX', 'JFK'],
  ['LAX', 'ORD'],
  ['JFK', 'ORD'],
  ['JFK', 'LAX'],
  ['ORD', 'LAX'],
  ['ORD', 'BOS'],
  ['BOS', 'RMS'],
  ['RMS', 'JFK'],
  ['OKD', 'LAX'],
  ['CRH', 'SFO'],
] as const;
const CLASSES = ['economy', 'business', 'first'] as const;

const operations: readonly ServiceOperation<TravelModel>[] = [
  {
    name: 'travel-login',
    methods: ['authenticate_travel'],
    weight: (_draft, model) => (model.token === undefined ? 5 : 0),
    run(draft, model) {
      const { random } = draft;
      const id = `client_${random.integer(100, 999)}`;
      const [secret, refresh] = [newPassword(random), newPassword(random)];
      const fields = [
        ['client_id', id],
        ['client_secret', secret],
        ['refresh_token', refresh],
        ['grant_type', random.pick(['read_write', 'booking'])],
        ['user_first_name', model.firstName],
        ['user_last_name', model.lastName],
      ] as const;
      const options = { changes: true, answers: (result: unknown) => [fieldOf(result, 'access_token')] };
      const args = fields.map(([name, value]) => statedText(draft, name, value));
      const token = fieldOf(call(draft, 'authenticate_travel', args, options), 'access_token');
      model.token = draft.scenario.registry.add('token', token);
      draft.learn(model.token, 'given');
      const slots = Object.fromEntries(fields.map(([name, value]) => [name, `'${value}'`]));
      return { text: word(draft, phrasings.login, slots), focus: model.token, message: `The token is ${token}.` };
    },
  },
  {
    name: 'travel-status',
    methods: ['travel_get_login_status'],
    weight: () => 0.15,
    run(draft, model) {
      call(draft, 'travel_get_login_status', [], unchanged);
      const message = model.token === undefined ? 'No, you are not logged in.' : 'Yes, you are logged in.';
      return { text: word(draft, phrasings.status), message };
    },
  },
  {
    name: 'fiscal-year',
    methods: ['get_budget_fiscal_year'],
    weight: () => 0.1,
    run(draft) {
      call(draft, 'get_budget_fiscal_year', [], { changes: false, answers: () => ['2018'] });
      return { text: word(draft, phrasings.year), message: 'The fiscal year is 2018.' };
    },
  },
  {
    name: 'nearest-airport',
    methods: ['get_nearest_airport_by_city'],
    weight: () => 1.3,
    run(draft) {
      const [city] = draft.random.pick(CITIES);
      const options = { changes: false, answers: (result: unknown) => [fieldOf(result, 'nearest_airport')] };
      const args = [statedText(draft, 'location', city)];
      const code = fieldOf(call(draft, 'get_nearest_airport_by_city', args, options), 'nearest_airport');
      const entity = airport(draft, code);
      if (entity.known !== undefined) return undefined;
      draft.learn(entity, 'fetched');
      const text = word(draft, phrasings.airport, { city: `'${city}'` });
      return { text, focus: entity, message: `The nearest airport is ${code}.` };
    },
  },
  {
    name: 'list-airports',
    methods: ['list_all_airports'],
    weight: () => 0.1,
    run(draft) {
      call(draft, 'list_all_airports', [], unchanged);
      return { text: word(draft, phrasings.airports), message: 'Here are the airports.' };
    },
  },
  {
    name: 'flight-cost',
    methods: ['get_flight_cost'],
    uses: ['airport'],
    weight: () => 1.4,
    run(draft) {
      const flight = drawFlight(draft);
      const answers = (_: unknown, content: string) => [numberIn(content, 'travel_cost_list')];
      call(draft, 'get_flight_cost', flight.args, { changes: false, answers });
      const cost = draft.scenario.registry.add('value', numberIn(latestResult(draft), 'travel_cost_list'));
      draft.learn(cost, 'cost');
      return { text: word(draft, phrasings.cost, flight.slots), focus: cost, message: `It costs ${cost.literal}.` };
    },
  },
  {
    name: 'book-flight',
    methods: ['book_flight'],
    uses: ['airport', 'card', 'token'],
    weight: (_draft, model) => (model.token === undefined ? 0 : 2),
    run(draft, model) {
      const { random, scenario } = draft;
      const card = random.pickWeighted(model.cards, ({ entity }) => familiarity(draft, entity))!;
      if (model.budget !== undefined && card.balance < model.budget) return undefined;
      const flight = drawFlight(draft);
      const token = sayToken(draft, model);
      const target = draft.refer(card.entity);
      const [from, to, date, seat] = flight.args as [
        PlannedArgument,
        PlannedArgument,
        PlannedArgument,
        PlannedArgument,
      ];
      const args = [token.argument, spokenArgument('card_id', target), date, from, to, seat];
      const answers = (result: unknown) => [fieldOf(result, 'booking_id'), fieldOf(result, 'transaction_id')];
      const id = fieldOf(call(draft, 'book_flight', args, { changes: true, answers }), 'booking_id');
      // Dear enough flights on both sides: the exact price does not matter for what comes next.
      card.balance -= 2000;
      const entity = scenario.registry.add('booking', id);
      draft.learn(entity, 'booked');
      draft.mark(card.entity, 'charged');
      model.bookings.push({ entity, card: card.entity });
      const slots = { ...flight.slots, card: target.phrase, token: token.phrase };
      return { text: word(draft, phrasings.book, slots), focus: entity, message: `Booking ${id} is made.` };
    },
  },
  {
    name: 'invoice',
    methods: ['retrieve_invoice'],
    uses: ['booking', 'token'],
    weight: (_draft, model) => (model.bookings.length > 0 ? 1.4 : 0),
    run(draft, model) {
      const booking = pickBooking(draft, model);
      const token = sayToken(draft, model);
      const target = draft.refer(booking.entity);
      call(draft, 'retrieve_invoice', [token.argument, spokenArgument('booking_id', target)], unchanged);
      const text = word(draft, phrasings.invoice, { booking: target.phrase, token: token.phrase });
      return { text, focus: booking.entity, message: 'Here is the invoice.' };
    },
  },
  {
    name: 'cancel-booking',
    methods: ['cancel_booking'],
    uses: ['booking', 'token'],
    weight: (_draft, model) => (model.bookings.length > 0 ? 1 : 0),
    run(draft, model) {
      const booking = pickBooking(draft, model);
      if (booking.entity.roles.get('booked')?.last.turn === draft.turn) return undefined;
      const token = sayToken(draft, model);
      const target = draft.refer(booking.entity);
      call(draft, 'cancel_booking', [token.argument, spokenArgument('booking_id', target)], changing);
      model.bookings.splice(model.bookings.indexOf(booking), 1);
      const text = word(draft, phrasings.cancel, { booking: target.phrase, token: token.phrase });
      return { text, message: `Booking ${booking.entity.literal} is cancelled.` };
    },
  },
  {
    name: 'booking-history',
    methods: ['get_booking_history'],
    uses: ['token'],
    weight: (_draft, model) => (model.bookings.length > 0 ? 0.4 : 0),
    run(draft, model) {
      const token = sayToken(draft, model);
      call(draft, 'get_booking_history', [token.argument], unchanged);
      draft.surface(model.bookings.map(({ entity }) => entity));
      return { text: word(draft, phrasings.history, { token: token.phrase }), message: 'Here are the bookings.' };
    },
  },
  {
    name: 'card-balance',
    methods: ['get_credit_card_balance'],
    uses: ['card', 'token'],
    weight: (_draft, model) => (model.token === undefined ? 0 : 1),
    run(draft, model) {
      const card = draft.random.pickWeighted(model.cards, ({ entity }) => familiarity(draft, entity))!;
      const token = sayToken(draft, model);
      const target = draft.refer(card.entity);
      const answers = (_: unknown, content: string) => [numberIn(content, 'card_balance')];
      const args = [token.argument, spokenArgument('card_id', target)];
      call(draft, 'get_credit_card_balance', args, { changes: false, answers });
      draft.mark(card.entity, 'read');
      const balance = draft.scenario.registry.add('value', numberIn(latestResult(draft), 'card_balance'));
      draft.learn(balance, 'balance');
      const text = word(draft, phrasings.balance, { card: target.phrase, token: token.phrase });
      return { text, focus: card.entity, message: `The balance is ${balance.literal}.` };
    },
  },
  {
    name: 'register-card',
    methods: ['register_credit_card'],
    uses: ['token'],
    weight: (_draft, model) => (model.token === undefined ? 0 : 0.7),
    run(draft, model) {
      const { random } = draft;
      const token = sayToken(draft, model);
      const number = `${random.integer(10 ** 14, 9 * 10 ** 14)}`;
      const expiry = `${random.integer(1, 12)}/${random.integer(2028, 2034)}`;
      const holder = `${model.firstName} ${model.lastName}`;
      const code = `${random.integer(100, 999)}`;
      const args = [
        token.argument,
        statedText(draft, 'card_number', number),
        statedText(draft, 'expiration_date', expiry),
        statedText(draft, 'cardholder_name', holder),
        statedNumber(draft, 'card_verification_number', code),
      ];
      const options = { changes: true, answers: (result: unknown) => [fieldOf(result, 'card_id')] };
      const id = fieldOf(call(draft, 'register_credit_card', args, options), 'card_id');
      const entity = draft.scenario.registry.add('card', id);
      draft.learn(entity, 'registered');
      model.cards.push({ entity, balance: 10_000 });
      const slots = { number: `'${number}'`, expiry: `'${expiry}'`, holder: `'${holder}'`, code, token: token.phrase };
      return { text: word(draft, phrasings.register, slots), focus: entity, message: `The card has the id ${id}.` };
    },
  },
  {
    name: 'all-cards',
    methods: ['get_all_credit_cards'],
    weight: () => 0.3,
    run(draft, model) {
      call(draft, 'get_all_credit_cards', [], unchanged);
      draft.surface(model.cards.map(({ entity }) => entity));
      return { text: word(draft, phrasings.cards), message: `There are ${model.cards.length} cards.` };
    },
  },
  {
    name: 'budget-limit',
    methods: ['set_budget_limit'],
    uses: ['token', 'value'],
    weight: (_draft, model) => (model.token === undefined ? 0 : 0.9),
    run(draft, model) {
      const token = sayToken(draft, model);
      const fits = (value: number) => value > 0 && value !== model.budget;
      const limit = chooseNumber(draft, fits, () => `${draft.random.integer(5, 60) * 100}`, 0.4);
      if (!fits(Number(limit.literal))) return undefined;
      call(draft, 'set_budget_limit', [token.argument, spokenNumber('budget_limit', limit)], changing);
      model.budget = Number(limit.literal);
      const text = word(draft, phrasings.budget, { limit: limit.phrase, token: token.phrase });
      return { text, message: 'The budget limit is set.' };
    },
  },
  {
    name: 'exchange-rate',
    methods: ['compute_exchange_rate'],
    uses: ['value'],
    weight: () => 1,
    run(draft) {
      const target = draft.random.pick(['RMB', 'EUR', 'JPY', 'GBP', 'CAD', 'INR', 'MXN']);
      const amount = chooseNumber(
        draft,
        (value) => value > 0 && value < 10_000,
        () => `${draft.random.integer(2, 80) * 10}`,
      );
      const args = [
        impliedText(draft, 'base_currency', 'USD', 'USD'),
        impliedText(draft, 'target_currency', target, target),
        spokenNumber('value', amount),
      ];
      const answers = (_: unknown, content: string) => [numberIn(content, 'exchanged_value')];
      call(draft, 'compute_exchange_rate', args, { changes: false, answers });
      const exchanged = draft.scenario.registry.add('value', numberIn(latestResult(draft), 'exchanged_value'));
      draft.learn(exchanged, 'exchanged');
      const text = word(draft, phrasings.exchange, { amount: amount.phrase, target });
      return { text, focus: exchanged, message: `That is ${exchanged.literal} ${target}.` };
    },
  },
  {
    name: 'verify-traveler',
    methods: ['verify_traveler_information'],
    weight: (_draft, model) => (model.token === undefined ? 0 : 0.5),
    run(draft, model) {
      const { random } = draft;
      const birth = `${random.integer(1950, 2000)}-0${random.integer(1, 9)}-1${random.integer(0, 9)}`;
      const passport = `US${random.integer(10_000, 99_999)}`;
      const args = [
        statedText(draft, 'first_name', model.firstName),
        statedText(draft, 'last_name', model.lastName),
        statedText(draft, 'date_of_birth', birth),
        statedText(draft, 'passport_number', passport),
      ];
      call(draft, 'verify_traveler_information', args, unchanged);
      const slots = {
        first: `'${model.firstName}'`,
        last: `'${model.lastName}'`,
        birth: `'${birth}'`,
        passport: `'${passport}'`,
      };
      return { text: word(draft, phrasings.verify, slots), message: 'The traveler is verified.' };
    },
  },
  {
    name: 'insurance',
    methods: ['purchase_insurance'],
    uses: ['booking', 'card', 'token'],
    weight: (_draft, model) => (model.bookings.length > 0 ? 1 : 0),
    run(draft, model) {
      const booking = pickBooking(draft, model);
      const price = draft.random.integer(2, 30) * 5;
      if (model.budget !== undefined && model.budget < price) return undefined;
      const token = sayToken(draft, model);
      const target = draft.refer(booking.entity);
      const card = draft.refer(booking.card);
      const type = draft.random.pick(['basic', 'comprehensive', 'medical', 'luggage']);
      const args = [
        token.argument,
        statedText(draft, 'insurance_type', type),
        spokenArgument('booking_id', target),
        statedNumber(draft, 'insurance_cost', `${price}`),
        spokenArgument('card_id', card),
      ];
      const options = { changes: true, answers: (result: unknown) => [fieldOf(result, 'insurance_id')] };
      const id = fieldOf(call(draft, 'purchase_insurance', args, options), 'insurance_id');
      const slots = {
        type: `'${type}'`,
        booking: target.phrase,
        price: `${price}`,
        card: card.phrase,
        token: token.phrase,
      };
      return {
        text: word(draft, phrasings.insurance, slots),
        focus: booking.entity,
        message: `Insurance ${id} is bought.`,
      };
    },
  },
  {
    name: 'customer-support',
    methods: ['contact_customer_support'],
    uses: ['booking', 'text'],
    weight: (_draft, model) => (model.bookings.length > 0 ? 0.8 : 0),
    run(draft, model) {
      const booking = pickBooking(draft, model);
      const text = chooseText(draft);
      const target = draft.refer(booking.entity);
      const args = [spokenArgument('booking_id', target), spokenArgument('message', text)];
      call(draft, 'contact_customer_support', args, unchanged);
      const slots = { booking: target.phrase, text: text.phrase };
      return {
        text: word(draft, phrasings.support, slots),
        focus: booking.entity,
        message: 'Support has the message.',
      };
    },
  },
];

/** Operations on TravelAPI: all 18 methods. */
export const travelOperations: readonly Operation[] = serviceOperations(
  'TravelAPI',
  ({ travel }) => travel,
  operations,
);

interface Flight {
  /** travel_from, travel_to, travel_date, travel_class. */
  readonly args: readonly PlannedArgument[];
  readonly slots: Readonly<Record<string, string>>;
}

/** A flight on a route that exists; airports that the conversation knows come up more often. */
function drawFlight(draft: TurnDraft): Flight {
  const { random } = draft;
  const [from, to] = random.pickWeighted(ROUTES, ([a, b]) => weightOf(draft, a) + weightOf(draft, b))!;
  const date = `20${random.integer(26, 29)}-${random.pick(['03', '05', '07', '10', '12'])}-${random.integer(10, 28)}`;
  const seat = random.pick(CLASSES);
  const [departure, arrival] = [draft.refer(airport(draft, from)), draft.refer(airport(draft, to))];
  return {
    args: [
      spokenArgument('travel_from', departure),
      spokenArgument('travel_to', arrival),
      statedText(draft, 'travel_date', date),
      impliedText(draft, 'travel_class', seat, seat),
    ],
    slots: {
      from: departure.phrase,
      to: arrival.phrase,
      date: `'${date}'`,
      seat,
      aSeat: seat === 'economy' ? 'an economy' : `a ${seat}`,
    },
  };
}

function weightOf(draft: TurnDraft, code: string): number {
  const known = draft.scenario.registry.known('airport').find(({ literal }) => literal === code);
  return known === undefined ? 1 : familiarity(draft, known);
}

function airport(draft: TurnDraft, code: string): Entity {
  const { registry } = draft.scenario;
  const known = registry.all().find(({ kind, literal }) => kind === 'airport' && literal === code);
  return known ?? registry.add('airport', code);
}

function sayToken(draft: TurnDraft, model: TravelModel): Spoken & { readonly argument: PlannedArgument } {
  const spoken = draft.refer(model.token!);
  return { ...spoken, argument: spokenArgument('access_token', spoken) };
}

/** Some booking; there is one. */
function pickBooking(draft: TurnDraft, { bookings }: TravelModel): BookingModel {
  return draft.random.pickWeighted(bookings, ({ entity }) => familiarity(draft, entity))!;
}
