/** A scenario of usual size for one class, and calls that read and write it; none of them fails. */
export interface CostScenario {
  readonly className: string;
  readonly config: object;
  readonly calls: readonly string[];
}

const file = (content: string) => ({ type: 'file', content });
const folder = (contents: object) => ({ type: 'directory', contents });

/** One scenario per class, made up here. */
export const COST_SCENARIOS: readonly CostScenario[] = [
  {
    className: 'GorillaFileSystem',
    config: {
      root: {
        home: folder({
          'notes.txt': file('first line\nsecond line\nthird line'),
          'list.csv': file('b,2\na,1\nc,3'),
          reports: folder({ 'spring.md': file('# Spring'), old: folder({ 'winter.md': file('# Winter') }) }),
          empty: folder({}),
        }),
      },
    },
    calls: ['ls()', "cat('notes.txt')", "sort('list.csv')", "find('.', 'md')", "echo('new text', 'notes.txt')"],
  },
  {
    className: 'MathAPI',
    config: {},
    calls: ['add(1, 2.5)', 'mean([1, 2, 3, 4])', 'logarithm(100, 10, 5)', 'square_root(2, 10)', 'power(2, 64)'],
  },
  {
    className: 'TwitterAPI',
    config: {
      authenticated: true,
      tweets: Object.fromEntries(
        Array.from({ length: 6 }, (_, id) => [
          String(id),
          { id, username: 'ann', content: `Thought number ${id}`, tags: ['#thought'], mentions: [] },
        ]),
      ),
      tweet_counter: 6,
    },
    calls: ['get_tweet(3)', "search_tweets('thought')", "post_tweet('hello', ['#hi'])", "comment(1, 'well said')"],
  },
  {
    className: 'TicketAPI',
    config: {
      current_user: 'ann',
      ticket_counter: 4,
      ticket_queue: [1, 2, 3].map((id) => ({
        id,
        title: `Problem ${id}`,
        description: 'It does not work.',
        status: 'Open',
        priority: id,
        created_by: 'ann',
      })),
    },
    calls: [
      'get_ticket(2)',
      'get_user_tickets()',
      "create_ticket('New', 'Broken', 2)",
      "edit_ticket(1, {'priority': 3})",
    ],
  },
  {
    className: 'MessageAPI',
    config: { current_user: 'USR001' },
    calls: ["send_message('USR002', 'See you at noon.')", 'view_messages_sent()', "search_messages('file')"],
  },
  {
    className: 'TradingBot',
    config: { authenticated: true, market_status: 'Open' },
    calls: [
      "get_stock_info('AAPL')",
      "place_order('Buy', 'AAPL', 100.5, 3)",
      "add_to_watchlist('ZETA')",
      'fund_account(10)',
      'get_transaction_history()',
    ],
  },
  {
    className: 'TravelAPI',
    config: { access_token: 't', token_expires_in: 2, credit_card_list: { c: { card_number: '1', balance: 1e9 } } },
    calls: [
      "get_flight_cost('SFO', 'LAX', '2025-05-05', 'economy')",
      "book_flight('t', 'c', '2025-05-05', 'SFO', 'LAX', 'economy')",
      "get_booking_history('t')",
      "get_nearest_airport_by_city('Paris')",
    ],
  },
  {
    className: 'VehicleControlAPI',
    config: { fuelLevel: 10 },
    calls: [
      "lockDoors(True, ['driver', 'passenger'])",
      "displayCarStatus('doors')",
      'adjustClimateControl(21)',
      'get_current_speed()',
      "estimate_distance('94016', '83214')",
    ],
  },
];
