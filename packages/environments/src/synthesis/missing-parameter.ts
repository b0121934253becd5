import { fill } from './phrasing.js';
import type { Random } from './random.js';
import { containsLiteral } from './recoverability.js';
import { type ArgumentTrace, argumentLiterals, type TurnTrace } from './trace.js';

/** One value left out of a turn's message, and how the conversation comes by it. */
export interface MissingValue {
  /** The message without the value. */
  readonly incomplete: string;
  /** What a careful assistant asks back. */
  readonly question: string;
  /** What the user says then. */
  readonly completion: string;
  /** The value that is left out, as an argument spells it. */
  readonly literal: string;
}

/** How users speak of something without naming it, and how they name it when asked. */
interface Vagueness {
  /** Stands in the message where the value did. */
  readonly vague: string;
  readonly questions: readonly string[];
  /** `{value}` is the words that the message had. */
  readonly completions: readonly string[];
}

const newName = (what: string): Vagueness => ({
  vague: 'something',
  questions: [`What should the ${what} be called?`, `Which name should the ${what} have?`],
  completions: ['It should be called {value}.', 'Call it {value}.', `The name of the ${what} is {value}.`],
});

/** `vague` where the policy may choose among known things. */
const oneOf = (vague: string, what: string): Vagueness => ({
  vague,
  questions: [`Which ${what} do you mean?`, `Which ${what} is it?`],
  completions: ['I mean {value}.', 'It is {value}.', `The ${what} that I mean is {value}.`],
});

const text = (what: string): Vagueness => ({
  vague: 'something',
  questions: [`What is the ${what}?`, `Which ${what} should I take?`],
  completions: [`The ${what} is {value}.`, `Take {value} as the ${what}.`, `I want {value} as the ${what}.`],
});

const amount = (vague: string, what: string, question: string): Vagueness => ({
  vague,
  questions: [question, `What is the ${what}?`],
  completions: [`The ${what} is {value}.`, 'Make it {value}.', `I mean {value} as the ${what}.`],
});

const file = oneOf('one of the files', 'file');
const tweet = oneOf('one of the tweets', 'tweet');
const ticket = oneOf('one of the tickets', 'ticket');
const person = oneOf('somebody', 'user');
const stock = oneOf('one of the stocks', 'stock');
const number = amount('some number', 'number', 'Which number do you mean?');
const airport = oneOf('some airport', 'airport');
const place = oneOf('some place', 'place');
const city = oneOf('a certain city', 'city');
const card = oneOf('one of my cards', 'card');
const order = oneOf('one of my orders', 'order');
const booking = oneOf('one of my bookings', 'booking');
const money = amount('some money', 'amount', 'How much should it be?');

/** By method and parameter: those that the function cannot do without, and that a message can leave open. */
const vaguenessOf: Readonly<Record<string, Vagueness>> = {
  'touch.file_name': newName('file'),
  'mkdir.dir_name': newName('folder'),
  'cp.source': file,
  'mv.source': file,
  'rm.file_name': file,
  'cat.file_name': file,
  'sort.file_name': file,
  'tail.file_name': file,
  'wc.file_name': file,
  'grep.file_name': file,
  'grep.pattern': text('text to look for'),
  'echo.file_name': file,
  'echo.content': text('text'),
  'diff.file_name1': file,
  'diff.file_name2': file,
  'post_tweet.content': text('text of the tweet'),
  'comment.tweet_id': tweet,
  'comment.comment_content': text('comment'),
  'retweet.tweet_id': tweet,
  'mention.tweet_id': tweet,
  'get_tweet.tweet_id': tweet,
  'get_tweet_comments.tweet_id': tweet,
  'search_tweets.keyword': text('keyword'),
  'follow_user.username_to_follow': person,
  'unfollow_user.username_to_unfollow': person,
  'get_user_tweets.username': person,
  'get_user_stats.username': person,
  'get_ticket.ticket_id': ticket,
  'close_ticket.ticket_id': ticket,
  'resolve_ticket.ticket_id': ticket,
  'edit_ticket.ticket_id': ticket,
  'send_message.receiver_id': person,
  'send_message.message': text('message'),
  'delete_message.receiver_id': person,
  'search_messages.keyword': text('keyword'),
  'get_user_id.user': person,
  'add_contact.user_name': person,
  'place_order.symbol': stock,
  'place_order.price': amount('a certain price', 'price', 'At which price?'),
  'place_order.amount': amount('some', 'number of shares', 'How many shares?'),
  'add_to_watchlist.stock': stock,
  'remove_stock_from_watchlist.symbol': stock,
  'get_stock_info.symbol': stock,
  'get_symbol_by_name.name': oneOf('a certain company', 'company'),
  'cancel_order.order_id': order,
  'get_order_details.order_id': order,
  'fund_account.amount': money,
  'withdraw_funds.amount': money,
  'get_flight_cost.travel_from': airport,
  'get_flight_cost.travel_to': airport,
  'get_flight_cost.travel_date': { ...text('date'), vague: 'a certain day' },
  'book_flight.travel_from': airport,
  'book_flight.travel_to': airport,
  'book_flight.travel_date': { ...text('date'), vague: 'a certain day' },
  'book_flight.card_id': card,
  'get_credit_card_balance.card_id': card,
  'cancel_booking.booking_id': booking,
  'retrieve_invoice.booking_id': booking,
  'compute_exchange_rate.value': amount('some', 'amount', 'How much should I convert?'),
  'compute_exchange_rate.target_currency': oneOf('another currency', 'currency'),
  'set_budget_limit.budget_limit': amount('some amount', 'limit', 'Which limit should I set?'),
  'get_nearest_airport_by_city.location': city,
  'get_zipcode_based_on_city.city': city,
  'estimate_distance.cityA': place,
  'estimate_distance.cityB': place,
  'set_navigation.destination': oneOf('some place', 'destination'),
  'fillFuelTank.fuelAmount': amount('some', 'number of gallons', 'How many gallons?'),
  'adjustClimateControl.temperature': amount('so many', 'temperature', 'How many degrees should it be?'),
  'add.a': number,
  'add.b': number,
  'subtract.a': number,
  'subtract.b': number,
  'multiply.a': number,
  'multiply.b': number,
  'divide.a': number,
  'divide.b': number,
  'power.base': number,
  'power.exponent': number,
  'absolute_value.number': number,
  'square_root.number': number,
  'round_number.number': number,
};

/**
 * The values of a turn that can be left out: exactly one each, and one that nothing else in the conversation so far says.
 *
 * @param trace - all turns of the task as drawn.
 */
export function missingValues(trace: readonly TurnTrace[], turn: number): ((random: Random) => MissingValue)[] {
  const { userMessage, calls } = trace[turn] as TurnTrace;
  const told = trace.slice(0, turn).map((entry) => entry.userMessage);
  return calls.flatMap(({ method, arguments: args }) =>
    args.flatMap((argument) => {
      const vagueness = vaguenessOf[`${method}.${argument.name}`];
      const incomplete = vagueness === undefined ? undefined : withoutValue(userMessage, argument, vagueness);
      if (vagueness === undefined || incomplete === undefined) return [];
      const { phrase } = argument.provenance;
      const [literal = ''] = argumentLiterals(argument.value);
      if ([...told, incomplete].some((message) => containsLiteral(message, literal))) return [];
      return [
        (random: Random): MissingValue => ({
          incomplete,
          question: random.pick(vagueness.questions),
          completion: fill(random.pick(vagueness.completions), { value: phrase }),
          literal,
        }),
      ];
    }),
  );
}

/** The message with vague words for the value; undefined where it is not said, or not said exactly once. */
function withoutValue(message: string, { value, provenance }: ArgumentTrace, { vague }: Vagueness): string | undefined {
  const { kind, phrase } = provenance;
  const literals = argumentLiterals(value);
  if (kind !== 'stated' || literals.length !== 1 || !phrase.includes(literals[0] as string)) return undefined;
  const at = message.indexOf(phrase);
  if (at < 0 || message.indexOf(phrase, at + 1) >= 0) return undefined;
  let before = message.slice(0, at);
  const after = message.slice(at + phrase.length);
  // "a file called 'a.txt'" and "a new folder 'docs'" say it all without the name.
  const named = /(?<=(?:file|folder|directory|contact)) (?:(?:called|named) )?$/.exec(before);
  if (named !== null) return before.slice(0, named.index) + after;
  // Where the words around it do not go with vague ones: "how many USD", "a price of 5", and a folder among files.
  if (/\b(?:many|price of) $/.test(before) || (vague.endsWith('files') && phrase.includes('folder'))) return undefined;
  const words = before === '' ? vague.charAt(0).toUpperCase() + vague.slice(1) : vague;
  if (/^\w/.test(after) || /\w$/.test(before)) return undefined;
  before = before.replace(/\bthe $/, vague.startsWith('some') || vague.startsWith('one of') ? '' : 'the ');
  return before + words + after;
}
