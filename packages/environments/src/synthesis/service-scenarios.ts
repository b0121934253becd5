import type { Entity, EntityRegistry } from './entities.js';
import type { Random } from './random.js';
import { newPersonName, newText } from './vocabulary.js';

/** A user of the message workspace. */
export interface ContactModel {
  readonly name: string;
  /** The id, such as "USR003". */
  readonly entity: Entity;
  /** Messages to the user that are there. */
  messages: number;
}

export interface MessageModel {
  /** Id of the user who is logged in. */
  user: string | undefined;
  readonly contacts: ContactModel[];
}

export interface StockModel {
  readonly company: string;
  /** The symbol. */
  readonly entity: Entity;
  readonly price: number;
  readonly change: number;
}

export interface OrderModel {
  readonly entity: Entity;
  isOpen: boolean;
}

export interface TradingModel {
  authenticated: boolean;
  readonly isMarketOpen: boolean;
  balance: number;
  readonly stocks: readonly StockModel[];
  readonly watched: Set<string>;
  readonly orders: OrderModel[];
  transfers: number;
}

export interface BookingModel {
  readonly entity: Entity;
  readonly card: Entity;
}

export interface TravelModel {
  /** Undefined before the login. */
  token: Entity | undefined;
  readonly firstName: string;
  readonly lastName: string;
  /** Card id entities with the balance left. */
  readonly cards: { readonly entity: Entity; balance: number }[];
  readonly bookings: BookingModel[];
  budget: number | undefined;
}

export interface VehicleModel {
  fuel: number;
  readonly unlocked: Set<string>;
  /** Force on the pedal as share of the full force. */
  brake: number;
  isRunning: boolean;
  headlights: 'on' | 'off';
  isParked: boolean;
  destination: string | undefined;
  cruise: string | undefined;
  climate: string | undefined;
}

type Config = Record<string, unknown>;

/** Users with ids, a few messages, mostly logged in. */
export function drawMessages(random: Random, registry: EntityRegistry, config: Config): MessageModel {
  const taken = new Set<string>();
  const contacts = Array.from({ length: random.integer(3, 5) }, (_, i): ContactModel => {
    const name = newPersonName(random, taken);
    taken.add(name);
    return { name, entity: registry.add('contact', `USR${String(i + 1).padStart(3, '0')}`), messages: 0 };
  });
  const inbox = Array.from({ length: random.integer(1, 3) }, () => {
    const receiver = random.pick(contacts.slice(1));
    receiver.messages++;
    return { [receiver.entity.literal]: newText(random) };
  });
  const user = random.chance(0.75) ? contacts[0]!.entity.literal : undefined;
  config.MessageAPI = {
    user_count: contacts.length,
    user_map: Object.fromEntries(contacts.map(({ name, entity }) => [name, entity.literal])),
    inbox,
    message_count: inbox.length,
    current_user: user ?? null,
    random_seed: random.integer(1, 999_999),
  };
  return { user, contacts };
}

const COMPANIES = [
  ['Apple', 'AAPL'],
  ['Google', 'GOOG'],
  ['Tesla', 'TSLA'],
  ['Microsoft', 'MSFT'],
  ['Nvidia', 'NVDA'],
  ['Zeta Corp', 'ZETA'],
  ['Alpha Tech', 'ALPH'],
  ['Omega Industries', 'OMEG'],
  ['Neptune Systems', 'NEPT'],
  ['Synex Solutions', 'SYNX'],
  ['Amazon', 'AMZN'],
] as const;

/** Some stocks with prices of our own, an order or two, mostly logged in. */
export function drawTrading(random: Random, registry: EntityRegistry, config: Config): TradingModel {
  const stocks = random.sample(COMPANIES, random.integer(3, 5)).map(
    ([company, symbol]): StockModel => ({
      company,
      entity: registry.add('stock', symbol),
      price: random.integer(20, 400) + random.pick([0.5, 0.25, 0.75]),
      change: random.pick([-1, 1]) * (random.integer(1, 60) / 10),
    }),
  );
  const authenticated = random.chance(0.75);
  const isMarketOpen = random.chance(0.6);
  const balance = random.integer(20, 90) * 100;
  const watched = random.sample(stocks, random.integer(1, 2)).map(({ entity }) => entity.literal);
  const firstOrder = random.integer(1000, 9000);
  const old = { entity: registry.add('order', `${firstOrder}`), isOpen: random.chance(0.6) };
  config.TradingBot = {
    orders: {
      [firstOrder]: {
        id: firstOrder,
        order_type: 'Buy',
        symbol: random.pick(stocks).entity.literal,
        price: random.integer(20, 400) + 0.5,
        amount: random.integer(2, 40),
        status: old.isOpen ? 'Open' : 'Completed',
      },
    },
    account_info: {
      account_id: random.integer(10_000, 99_999),
      balance,
      binding_card: random.integer(10 ** 9, 10 ** 10),
    },
    authenticated,
    market_status: isMarketOpen ? 'Open' : 'Closed',
    order_counter: firstOrder + 1,
    stocks: Object.fromEntries(
      stocks.map(({ entity, price, change }) => [
        entity.literal,
        {
          price,
          percent_change: change,
          volume: random.integer(10, 90) / 10,
          'MA(5)': price + 0.5,
          'MA(20)': price - 0.5,
        },
      ]),
    ),
    watch_list: watched,
    transaction_history: [],
    random_seed: random.integer(1, 999_999),
  };
  return {
    authenticated,
    isMarketOpen,
    balance,
    stocks,
    watched: new Set(watched),
    orders: [old],
    transfers: 0,
  };
}

/** A traveller with one or two cards, mostly logged in. */
export function drawTravel(random: Random, registry: EntityRegistry, config: Config): TravelModel {
  const firstName = newPersonName(random, new Set());
  const lastName = newPersonName(random, new Set([firstName]));
  const cards = Array.from({ length: random.integer(1, 2) }, (_, i) => ({
    entity: registry.add('card', `card_${random.integer(1000, 4999) + i * 5000}`),
    balance: random.integer(60, 200) * 100,
  }));
  const token = random.chance(0.7) ? registry.add('token', `${random.integer(100_000, 999_999)}`) : undefined;
  config.TravelAPI = {
    credit_card_list: Object.fromEntries(
      cards.map(({ entity, balance }) => [
        entity.literal,
        {
          card_number: `${random.integer(10 ** 14, 9 * 10 ** 14)}`,
          expiration_date: `${random.integer(1, 12)}/${random.integer(2028, 2034)}`,
          cardholder_name: `${firstName} ${lastName}`,
          card_verification_number: random.integer(100, 999),
          balance,
        },
      ]),
    ),
    booking_record: {},
    access_token: token?.literal ?? null,
    token_type: token === undefined ? null : 'Bearer',
    token_expires_in: token === undefined ? null : 2,
    token_scope: token === undefined ? null : 'read_write',
    user_first_name: token === undefined ? null : firstName,
    user_last_name: token === undefined ? null : lastName,
    budget_limit: null,
    random_seed: random.integer(1, 999_999),
  };
  return { token, firstName, lastName, cards, bookings: [], budget: undefined };
}

export const DOORS = ['driver', 'passenger', 'rear_left', 'rear_right'] as const;

/** A car that stands, with some doors unlocked and room in the tank. */
export function drawVehicle(random: Random, config: Config): VehicleModel {
  const unlocked = new Set<string>(random.sample(DOORS, random.integer(0, 4)));
  const fuel = random.integer(4, 60) / 2;
  const isRunning = unlocked.size === 0 && random.chance(0.2);
  const headlights = random.chance(0.3) ? 'on' : 'off';
  const isParked = random.chance(0.4);
  config.VehicleControlAPI = {
    fuelLevel: fuel,
    batteryVoltage: random.integer(118, 130) / 10,
    engineState: isRunning ? 'running' : 'stopped',
    doorStatus: Object.fromEntries(DOORS.map((door) => [door, unlocked.has(door) ? 'unlocked' : 'locked'])),
    acTemperature: random.integer(18, 28),
    fanSpeed: random.integer(1, 9) * 10,
    acMode: 'auto',
    humidityLevel: random.integer(30, 70),
    headLightStatus: headlights,
    parkingBrakeStatus: isParked ? 'engaged' : 'released',
    parkingBrakeForce: isParked ? 500.5 : 0,
    frontLeftTirePressure: random.integer(28, 36),
    frontRightTirePressure: random.integer(28, 36),
    rearLeftTirePressure: random.integer(28, 36),
    rearRightTirePressure: random.integer(28, 36),
    random_seed: random.integer(1, 999_999),
  };
  return {
    fuel,
    unlocked,
    brake: 0,
    isRunning,
    headlights,
    isParked,
    destination: undefined,
    cruise: undefined,
    climate: undefined,
  };
}
