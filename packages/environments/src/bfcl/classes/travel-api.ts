import {
  type ApiClass,
  type CalendarDate,
  errorResult,
  type InstanceContext,
  loadAttribute,
  parameter,
} from '../api-class.js';
import { pyRound } from '../builtins.js';
import { pyContains, pyEquals, pyOrder } from '../python/compare.js';
import { GraphCopier } from '../python/graph.js';
import { toFloat, toInt } from '../python/numbers.js';
import { dictFor, dictItem, textFor } from '../python/object-access.js';
import { applyBinary, applyInPlace } from '../python/operators.js';
import { type PyRandom, pyRandom } from '../python/random.js';
import { pyRepr, pyStr } from '../python/render.js';
import { type DateTime, strptime } from '../python/strptime.js';
import { itemAt, setItem } from '../python/subscript.js';
import { isDigits } from '../python/text.js';
import { iterate, PyDict, PySet, PyTuple, PythonError, type PyValue } from '../python/value.js';
import { AIRPORT_BY_CITY, AIRPORTS, CLASS_FACTORS, EXCHANGE_RATES, ROUTE_COSTS } from './travel-tables.js';

type TravelState = {
  credit_card_list: PyValue;
  booking_record: PyValue;
  access_token: PyValue;
  token_type: PyValue;
  token_expires_in: PyValue;
  token_scope: PyValue;
  user_first_name: PyValue;
  user_last_name: PyValue;
  budget_limit: PyValue;
  long_context: boolean;
  _random: PyRandom;
};

const DEFAULT_SEED = 141053n;
const TRAVEL_CLASSES = new PySet(CLASS_FACTORS.keys());

const accessToken = parameter('access_token', 'string', 'Token that authenticate_travel gave.');
const cardId = parameter('card_id', 'string', 'Id under which the card is registered.');
const bookingId = parameter('booking_id', 'string', 'Id of the booking.');
const travelFrom = parameter('travel_from', 'string', 'Code of the airport of departure.');
const travelTo = parameter('travel_to', 'string', 'Code of the airport of arrival.');
const travelDate = parameter('travel_date', 'string', 'Day of travel, as YYYY-MM-DD.');
const travelClass = parameter(
  'travel_class',
  { type: 'string', enum: ['economy', 'business', 'first'] },
  'Class of the seat.',
);

/** Flights, credit cards and insurance of one traveller; most of it takes the access token of a login. */
export const travelApi: ApiClass<TravelState> = {
  name: 'TravelAPI',

  load(config, context) {
    const state: TravelState = {
      credit_card_list: loadAttribute(config, 'credit_card_list', new PyDict()),
      booking_record: loadAttribute(config, 'booking_record', new PyDict()),
      access_token: loadAttribute(config, 'access_token', null),
      token_type: loadAttribute(config, 'token_type', null),
      token_expires_in: loadAttribute(config, 'token_expires_in', null),
      token_scope: loadAttribute(config, 'token_scope', null),
      user_first_name: loadAttribute(config, 'user_first_name', null),
      user_last_name: loadAttribute(config, 'user_last_name', null),
      budget_limit: loadAttribute(config, 'budget_limit', null),
      long_context: context.longContext !== undefined,
      _random: pyRandom(loadAttribute(config, 'random_seed', DEFAULT_SEED), DEFAULT_SEED),
    };
    addExtensions(state, context);
    return state;
  },

  methods: {
    authenticate_travel: {
      description: 'Log in to the travel system; gives the access token that other functions take.',
      parameters: [
        parameter('client_id', 'string', 'Id of the client application.'),
        parameter('client_secret', 'string', 'Secret of the client application.'),
        parameter('refresh_token', 'string', 'Refresh token of the client.'),
        parameter('grant_type', 'string', 'What the login is for, such as read_write.'),
        parameter('user_first_name', 'string', 'First name of the traveller.'),
        parameter('user_last_name', 'string', 'Last name of the traveller.'),
      ],
      run(state, _id = null, _secret = null, _refresh = null, scope = null, firstName = null, lastName = null) {
        state.token_expires_in = 2n;
        state.access_token = String(state._random.randint(100000n, 999999n));
        state.token_type = 'Bearer';
        state.token_scope = scope;
        state.user_first_name = firstName;
        state.user_last_name = lastName;
        return PyDict.of({ expires_in: 2n, access_token: state.access_token, token_type: 'Bearer', scope });
      },
    },

    travel_get_login_status: {
      description: 'Show whether the traveller is logged in.',
      parameters: [],
      run({ token_expires_in: expires }) {
        return PyDict.of({ status: !(expires === null || pyEquals(expires, 0n)) });
      },
    },

    get_budget_fiscal_year: {
      description: 'Show the fiscal year of the budget.',
      parameters: [
        parameter('lastModifiedAfter', 'string', 'Only budgets changed after this date.', null),
        parameter('includeRemoved', 'string', 'Also removed budgets.', null),
      ],
      run() {
        return PyDict.of({ budget_fiscal_year: '2018' });
      },
    },

    register_credit_card: {
      description: 'Register a credit card; gives the id under which it is known here.',
      parameters: [
        accessToken,
        parameter('card_number', 'string', 'Number of the card.'),
        parameter('expiration_date', 'string', 'When the card expires, as MM/YYYY.'),
        parameter('cardholder_name', 'string', 'Name on the card.'),
        parameter('card_verification_number', 'integer', 'Verification number of the card.'),
      ],
      run(state, token = null, card_number = null, expiration_date = null, holder = null, verification = null) {
        if (state.token_expires_in === null) return errorResult('Token not initialized');
        const refusal = tokenProblem(state, token);
        if (refusal !== undefined) return errorResult(refusal);
        // Compares the number with the ids of the known cards, as the reference does.
        if (pyContains(state.credit_card_list, card_number)) return errorResult('Card already registered');
        const card_id = String(state._random.randint(100000000000n, 999999999999n));
        const card = PyDict.of({
          card_number,
          expiration_date,
          cardholder_name: holder,
          card_verification_number: verification,
          balance: state._random.randint(10000n, 99999n),
        });
        setItem(state.credit_card_list, card_id, card);
        return PyDict.of({ card_id });
      },
    },

    get_flight_cost: {
      description: 'Show what a flight costs.',
      parameters: [travelFrom, travelTo, travelDate, travelClass],
      run(_state, from = null, to = null, date = null, seat = null) {
        const { cost, multiplier } = flightCost(from, to, date, seat);
        const costs =
          this.longContext === undefined ? [cost] : ROUTE_COSTS.values().map((base) => Number(base) * multiplier);
        return PyDict.of({ travel_cost_list: costs });
      },
    },

    get_credit_card_balance: {
      description: 'Show the balance of a registered card.',
      parameters: [accessToken, cardId],
      run(state, token = null, card = null) {
        const refusal = tokenProblem(state, token);
        if (refusal !== undefined) return errorResult(refusal);
        if (!pyContains(state.credit_card_list, card)) {
          const known = pyRepr(dictFor(state.credit_card_list, 'keys').keys());
          return errorResult(`Card not registered. Here are a list of card_id's: ${known}`);
        }
        return PyDict.of({ card_balance: dictItem(itemAt(state.credit_card_list, card), 'balance') });
      },
    },

    book_flight: {
      description: 'Book a flight and pay for it by a registered card.',
      parameters: [accessToken, cardId, travelDate, travelFrom, travelTo, travelClass],
      run(state, token = null, card = null, date = null, from = null, to = null, seat = null) {
        const refuse = (error: string) => PyDict.of({ booking_status: false, error });
        const refusal = tokenProblem(state, token);
        if (refusal !== undefined) return refuse(refusal);
        if (!pyContains(state.credit_card_list, card)) return refuse('Card not registered');
        const account = itemAt(state.credit_card_list, card);
        if (!pyContains(account, 'balance')) return refuse('Balance not found');
        if (!pyContains(AIRPORTS as PyValue[], from)) return refuse(`Invalid departure airport code: ${pyStr(from)}`);
        if (!pyContains(AIRPORTS as PyValue[], to)) return refuse(`Invalid destination airport code: ${pyStr(to)}`);
        if (dateOrUndefined(date) === undefined) return refuse('Invalid date format. Use YYYY-MM-DD.');
        if (!TRAVEL_CLASSES.has(seat)) {
          return refuse(`Invalid travel class. Must be one of ${pyRepr(TRAVEL_CLASSES)}`);
        }
        const { cost, problem } = flightCostOrProblem(from, to, date, seat);
        if (problem !== undefined) return refuse(problem);
        const balance = dictItem(account, 'balance');
        if (pyOrder('<', balance, cost)) return refuse('Insufficient funds');
        // The limit is compared with the balance, not with the price, as the reference does.
        if (state.budget_limit !== null && pyOrder('<', balance, state.budget_limit)) {
          return refuse('Balance is less than budget limit');
        }
        setItem(account, 'balance', applyInPlace('-', balance, cost));
        const booking_id = String(state._random.randint(1000000n, 9999999n));
        const transaction_id = String(state._random.randint(10000000n, 99999999n));
        const booking = PyDict.of({
          card_id: card,
          travel_date: date,
          travel_from: from,
          travel_to: to,
          travel_class: seat,
          travel_cost: cost,
          transaction_id,
        });
        setItem(state.booking_record, booking_id, booking);
        const booking_history = this.longContext === undefined ? new PyDict() : state.booking_record;
        return PyDict.of({ booking_id, transaction_id, booking_status: true, booking_history });
      },
    },

    retrieve_invoice: {
      description: 'Show the invoice of a booking.',
      parameters: [
        accessToken,
        parameter('booking_id', 'string', 'Id of the booking.', null),
        parameter('insurance_id', 'string', 'Id of the insurance.', null),
      ],
      run(state, token = null, booking = null) {
        const refusal = tokenProblem(state, token);
        if (refusal !== undefined) return errorResult(refusal);
        if (!pyContains(state.booking_record, booking)) return errorResult('Booking not found');
        const record = itemAt(state.booking_record, booking);
        const invoice = new PyDict([['booking_id', booking]]);
        for (const field of INVOICE_FIELDS) invoice.set(field, dictItem(record, field));
        return PyDict.of({ invoice });
      },
    },

    get_booking_history: {
      description: 'List all bookings.',
      parameters: [accessToken],
      run(state, token = null) {
        const refusal = tokenProblem(state, token);
        if (refusal !== undefined) return errorResult(refusal);
        return PyDict.of({ booking_history: new GraphCopier().copy(state.booking_record) });
      },
    },

    list_all_airports: {
      description: 'List the codes of all airports.',
      parameters: [],
      run() {
        return [...AIRPORTS];
      },
    },

    cancel_booking: {
      description: 'Cancel a booking; its price goes back to the card.',
      parameters: [accessToken, bookingId],
      run(state, token = null, booking = null) {
        const refuse = (error: string) => PyDict.of({ cancel_status: false, error });
        const refusal = tokenProblem(state, token);
        if (refusal !== undefined) return refuse(refusal);
        if (!pyContains(state.booking_record, booking)) return refuse('Booking not found');
        const record = itemAt(state.booking_record, booking);
        const card = dictItem(record, 'card_id');
        const cost = dictItem(record, 'travel_cost');
        const account = itemAt(state.credit_card_list, card);
        setItem(account, 'balance', applyInPlace('+', dictItem(account, 'balance'), cost));
        dictFor(state.booking_record, '__delitem__').delete(booking);
        return PyDict.of({ cancel_status: true });
      },
    },

    compute_exchange_rate: {
      description: 'Convert an amount of money to another currency.',
      parameters: [
        parameter('base_currency', 'string', 'Currency of the amount, as a code such as USD.'),
        parameter('target_currency', 'string', 'Currency to convert to.'),
        parameter('value', 'number', 'Amount to convert.'),
      ],
      run(_state, base = null, target = null, value = null) {
        for (const [left, right, rate] of EXCHANGE_RATES) {
          if (pyEquals(base, left) && pyEquals(target, right)) {
            return PyDict.of({ exchanged_value: toFloat(applyBinary('*', value, rate)) });
          }
          if (pyEquals(base, right) && pyEquals(target, left)) {
            return PyDict.of({ exchanged_value: pyRound(applyBinary('/', value, rate), 2n) });
          }
        }
        throw new PythonError('ValueError', 'No available exchange rate for the given currencies.');
      },
    },

    verify_traveler_information: {
      description: 'Check that a traveller is the one logged in, of age, and has a passport of the United States.',
      parameters: [
        parameter('first_name', 'string', 'First name of the traveller.'),
        parameter('last_name', 'string', 'Last name of the traveller.'),
        parameter('date_of_birth', 'string', 'Day of birth, as YYYY-MM-DD.'),
        parameter('passport_number', 'string', 'Number of the passport.'),
      ],
      run(state, firstName = null, lastName = null, birthDate = null, passport = null) {
        const refuse = (reason: string) => PyDict.of({ verification_status: false, verification_failure: reason });
        const { user_first_name, user_last_name } = state;
        if (!pyEquals(user_first_name, firstName) || !pyEquals(user_last_name, lastName)) {
          const expected = `${pyStr(user_first_name)} ${pyStr(user_last_name)}`;
          const given = `${pyStr(firstName)} ${pyStr(lastName)}`;
          return refuse(`Cannot book flight information for another user.Expected ${expected}, got ${given}`);
        }
        const birth = dateOrUndefined(birthDate);
        if (birth === undefined) return refuse('Invalid date of birth format. Please use YYYY-MM-DD.');
        if (ageOn(this.today(), birth) < 18) return refuse('Traveler must be at least 18 years old.');
        if (!textFor(passport, 'startswith').startsWith('US')) {
          return refuse('Passport must be issued by the United States.');
        }
        return PyDict.of({ verification_status: true });
      },
    },

    set_budget_limit: {
      description: 'Set the limit of the budget.',
      parameters: [accessToken, parameter('budget_limit', 'number', 'The limit, in US dollars.')],
      run(state, token = null, limit = null) {
        const refusal = tokenProblem(state, token);
        if (refusal !== undefined) return errorResult(refusal);
        const budget_limit = toFloat(limit);
        state.budget_limit = budget_limit;
        return PyDict.of({ budget_limit });
      },
    },

    get_nearest_airport_by_city: {
      description: 'Look up the airport nearest to a city.',
      parameters: [parameter('location', 'string', 'Name of the city.')],
      run(_state, location = null) {
        return PyDict.of({ nearest_airport: AIRPORT_BY_CITY.get(location) ?? 'Unknown' });
      },
    },

    purchase_insurance: {
      description: 'Buy an insurance for a booking and pay for it by a registered card.',
      parameters: [
        accessToken,
        parameter('insurance_type', 'string', 'Kind of insurance.'),
        bookingId,
        parameter('insurance_cost', 'number', 'Price of the insurance.'),
        cardId,
      ],
      run(state, token = null, _type = null, booking = null, cost = null, card = null) {
        const refuse = (error: string) => PyDict.of({ insurance_status: false, error });
        const refusal = tokenProblem(state, token);
        if (refusal !== undefined) return refuse(refusal);
        if (state.budget_limit !== null && pyOrder('<', state.budget_limit, cost)) {
          return refuse('Exceeded budget limit');
        }
        if (!pyContains(state.booking_record, booking)) return refuse('Booking not found');
        if (!pyContains(state.credit_card_list, card)) return refuse('Credit card not registered');
        const account = itemAt(state.credit_card_list, card);
        setItem(account, 'balance', applyInPlace('-', dictItem(account, 'balance'), cost));
        const insurance_id = String(state._random.randint(100000000n, 999999999n));
        return PyDict.of({ insurance_id, insurance_status: true });
      },
    },

    contact_customer_support: {
      description: 'Send a message about a booking to customer support.',
      parameters: [bookingId, parameter('message', 'string', 'Text of the message.')],
      run(state, booking = null) {
        if (!pyContains(state.booking_record, booking)) return errorResult('Booking not found');
        return PyDict.of({
          customer_support_message:
            'Thank you for contacting customer support. Your message has been received and we will get back to you shortly.',
        });
      },
    },

    get_all_credit_cards: {
      description: 'List all registered cards.',
      parameters: [],
      run(state) {
        return PyDict.of({ credit_card_list: state.credit_card_list });
      },
    },
  },
};

const INVOICE_FIELDS = ['travel_date', 'travel_from', 'travel_to', 'travel_class', 'travel_cost', 'transaction_id'];

/** Cards and bookings of the long context, shared by all instances of a process; ids of the scenario win. */
function addExtensions(state: TravelState, { longContext, process }: InstanceContext): void {
  if (longContext === undefined) return;
  const parts = [
    [state.credit_card_list, process.get('CREDIT_CARD_EXTENSION', longContext.creditCards)],
    [state.booking_record, process.get('BOOKING_RECORD_EXTENSION', longContext.bookings)],
  ] as const;
  for (const [target, extension] of parts) {
    for (const [id, record] of extension.entries()) if (!pyContains(target, id)) setItem(target, id, record);
  }
}

function tokenProblem(state: TravelState, token: PyValue): string | undefined {
  if (pyEquals(state.token_expires_in, 0n)) return 'Token expired';
  return pyEquals(token, state.access_token) ? undefined : 'Invalid access token';
}

/**
 * Price of a flight, and the factor of class and date over the base price.
 *
 * @throws {PythonError} ValueError for unknown routes and classes.
 */
function flightCost(from: PyValue, to: PyValue, date: PyValue, seat: PyValue): { cost: number; multiplier: number } {
  const base = ROUTE_COSTS.get(new PyTuple([from, to]));
  if (base === undefined) throw new PythonError('ValueError', 'No available route for the given airports.');
  const factor = typeof seat === 'string' ? CLASS_FACTORS.get(seat) : undefined;
  if (factor === undefined) {
    throw new PythonError('ValueError', 'Invalid travel class. Options are: economy, business, first.');
  }
  // Dates whose digits add up to an even number cost double.
  let digitSum = 0n;
  for (const character of iterate(date)) {
    if (isDigits(textFor(character, 'isdigit'))) digitSum += toInt(character);
  }
  const multiplier = Number(factor) * (digitSum % 2n === 0n ? 2 : 1);
  return { cost: Number(base) * multiplier, multiplier };
}

/** `except ValueError`: its text is the problem. */
function flightCostOrProblem(
  from: PyValue,
  to: PyValue,
  date: PyValue,
  seat: PyValue,
): { cost: number; problem?: string } {
  try {
    return flightCost(from, to, date, seat);
  } catch (error) {
    if (error instanceof PythonError && error.type === 'ValueError') return { cost: 0, problem: error.message };
    throw error;
  }
}

/** `except ValueError` around strptime: other types raise on. */
function dateOrUndefined(text: PyValue): DateTime | undefined {
  try {
    return strptime(text, '%Y-%m-%d');
  } catch (error) {
    if (error instanceof PythonError && error.type === 'ValueError') return undefined;
    throw error;
  }
}

function ageOn(today: CalendarDate, birth: DateTime): number {
  const isBeforeBirthday = today.month < birth.month || (today.month === birth.month && today.day < birth.day);
  return today.year - birth.year - (isBeforeBirthday ? 1 : 0);
}
