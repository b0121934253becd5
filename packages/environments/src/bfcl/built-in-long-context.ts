import { Random } from '../synthesis/random.js';
import type { LongContextData } from './long-context.js';
import { PyDict, type PyValue } from './python/value.js';

/**
 * A long context of our own, for tasks that are not the benchmark's: as long as the official one in kind, not in words.
 * Made once per process, the same every time.
 */
export function builtInLongContext(): LongContextData {
  made ??= makeLongContext(new Random(20_240_901));
  return made;
}

let made: LongContextData | undefined;

const LIST_LENGTH = 400;

function makeLongContext(random: Random): LongContextData {
  const many = <T>(make: (index: number) => T, count = LIST_LENGTH) => Array.from({ length: count }, (_, i) => make(i));
  const symbol = () => many(() => random.pick([...LETTERS]), random.integer(2, 5)).join('');
  const prose = (sentences: number) => many(() => sentence(random), sentences).join(' ');
  const price = () => random.integer(20_000, 25_000) / 100 + 0.001;
  return {
    fileExtension: `\n${prose(30)}`,
    untouchedFiles: new Set(),
    populatedFiles: many((i) => `scan_${String(i + 1).padStart(3, '0')}.jpg`, 30),
    watchList: many(symbol),
    transactionHistory: many((): PyValue => {
      const day = `${random.integer(2019, 2023)}-0${random.integer(1, 9)}-${random.integer(10, 28)}`;
      const type = random.pick(['deposit', 'withdrawal']);
      return PyDict.of({ type, amount: price(), timestamp: `${day} ${random.integer(10, 23)}:15:30` });
    }),
    movingAverage5: many(price),
    movingAverage20: many(price),
    technologyStocks: many(symbol),
    automobileStocks: many(symbol),
    orderDetails: PyDict.of({
      company: `{symbol} is traded every working day. ${prose(8)}`,
      outlook: `Nobody knows where {symbol} goes. ${prose(8)}`,
    }),
    creditCards: new PyDict(
      many(
        (i): [PyValue, PyValue] => [`spare_card_${i + 1}`, PyDict.of({ cardholder_name: 'Spare Card', balance: 500 })],
        20,
      ),
    ),
    bookings: new PyDict(
      many(
        (i): [PyValue, PyValue] => [
          `old_booking_${i + 1}`,
          PyDict.of({ card_id: `spare_card_${i + 1}`, travel_cost: 100, travel_date: '2019-05-15' }),
        ],
        15,
      ),
    ),
    weather: new PyDict(
      many((i): [PyValue, PyValue] => [`in_${i + 1}_hours`, PyDict.of({ humidity: random.integer(30, 90) + 0.5 })], 24),
    ),
    carStatus: prose(60),
    parkingBrakeInstruction: prose(60),
    intermediaryCities: many(() => `${random.pick(SUBJECTS)} ${random.pick(['Town', 'Falls', 'Ridge', 'Springs'])}`),
  };
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const SUBJECTS = ['Harbor', 'Cedar', 'Granite', 'Willow', 'Copper', 'Amber', 'Juniper', 'Falcon', 'Meadow', 'Linden'];
const OPENINGS = [
  'As in every year',
  'After some delay',
  'With a little luck',
  'Seen from afar',
  'On closer inspection',
];
const ACTORS = ['the committee', 'the maintenance crew', 'a visitor', 'the archive', 'the night shift', 'the supplier'];
const ACTIONS = ['went over', 'put aside', 'confirmed', 'questioned', 'carried on with', 'came back to'];
const OBJECTS = ['the minutes', 'an older draft', 'the spare parts', 'the usual figures', 'a note from the margin'];
const ENDINGS = [
  'without a comment',
  'for the third time',
  'in good spirits',
  'before closing time',
  'as the rules demand',
];

function sentence(random: Random): string {
  const [opening, actor, action, object, ending] = [OPENINGS, ACTORS, ACTIONS, OBJECTS, ENDINGS].map((part) =>
    random.pick(part),
  );
  return `${opening}, ${actor} ${action} ${object} ${ending}.`;
}
