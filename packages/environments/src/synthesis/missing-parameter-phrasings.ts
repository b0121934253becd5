/** A request that leaves out what a function needs, and what a careful assistant asks back. */
export interface MissingParameterPhrasing {
  readonly requests: readonly string[];
  readonly questions: readonly string[];
}

/** By method. The requests name no value at all, so that nothing can be called. */
export const missingParameterPhrasings: Readonly<Record<string, MissingParameterPhrasing>> = {
  touch: {
    requests: ['Make a new file for me.', 'I need a new file here.', 'Could you create a file?', 'Please add a file.'],
    questions: ['What should the file be called?', 'Which name should the file have?'],
  },
  mkdir: {
    requests: [
      'Make a new folder.',
      'I need another folder here.',
      'Could you create a folder?',
      'Please add a folder.',
    ],
    questions: ['What should the folder be called?', 'Which name should the folder have?'],
  },
  echo: {
    requests: ['Write something down for me.', 'I want some text in a file.', 'Could you write a line to a file?'],
    questions: ['What should I write, and to which file?', 'Which text, and which file?'],
  },
  mv: {
    requests: ['One of the files needs another name.', 'I want something renamed.', 'Could you rename a file for me?'],
    questions: ['Which one, and what is the new name?', 'What should I rename, and how?'],
  },
  cp: {
    requests: ['I need a copy of a file.', 'Could you copy something for me?', 'Please make a copy.'],
    questions: ['Which file, and what should the copy be called?', 'What should I copy, and to where?'],
  },
  grep: {
    requests: [
      'Search a file for me.',
      'I am looking for some lines in a file.',
      'Could you look for a word in a file?',
    ],
    questions: ['Which file, and what should I look for?', 'What should I look for, and where?'],
  },
  cat: {
    requests: ['Show me what a file says.', 'I want to read one of the files.', 'Could you open a file for me?'],
    questions: ['Which file do you mean?', 'Which file should I show?'],
  },
  post_tweet: {
    requests: ['I want to post a tweet.', 'Could you tweet something for me?', 'Please post something.'],
    questions: ['What should the tweet say?', 'Which text should I post?'],
  },
  comment: {
    requests: ['I want to comment on a tweet.', 'Could you leave a comment for me?', 'Please comment on something.'],
    questions: ['Which tweet, and what should I write?', 'What should the comment say, and where does it go?'],
  },
  follow_user: {
    requests: ['I want to follow somebody.', 'Could you follow someone for me?', 'Please follow another user.'],
    questions: ['Whom should I follow?', 'Which user do you mean?'],
  },
  create_ticket: {
    requests: ['I need a ticket.', 'Could you open a ticket for me?', 'Please file a ticket.', 'Open a new ticket.'],
    questions: ['What is the title of the ticket?', 'Which title should the ticket have?'],
  },
  resolve_ticket: {
    requests: ['One of the tickets is settled.', 'Could you resolve a ticket?', 'Please mark a ticket as done.'],
    questions: ['Which ticket, and how was it resolved?', 'Which one, and what is the resolution?'],
  },
  edit_ticket: {
    requests: ['A ticket needs a change.', 'Could you update a ticket?', 'Please edit one of the tickets.'],
    questions: ['Which ticket, and what should change?', 'What should I change, and in which ticket?'],
  },
  send_message: {
    requests: ['I want to send a message.', 'Could you write to somebody for me?', 'Please message someone.'],
    questions: ['To whom, and what should it say?', 'Who should get it, and what is the text?'],
  },
  add_contact: {
    requests: ['I need another contact.', 'Could you add a contact?', 'Please put somebody new into my contacts.'],
    questions: ['What is the name of the contact?', 'Whom should I add?'],
  },
  get_user_id: {
    requests: ['I need the id of a user.', 'Could you find a user id?', 'Look up somebody in the workspace.'],
    questions: ['Of which user?', 'Who is it that you mean?'],
  },
  place_order: {
    requests: ['I want to place an order.', 'Could you set up a trade?', 'Please put in an order for me.'],
    questions: ['For which stock, how many shares, and at which price?', 'Which stock, price and amount?'],
  },
  fund_account: {
    requests: [
      'My trading account needs money.',
      'Could you fund my trading account?',
      'Please top up my trading account.',
    ],
    questions: ['How much should I deposit?', 'Which amount do you want to put in?'],
  },
  withdraw_funds: {
    requests: [
      'I need money from my trading account.',
      'Could you withdraw some funds?',
      'Please take out some money.',
    ],
    questions: ['How much do you want to withdraw?', 'Which amount should I take out?'],
  },
  add_to_watchlist: {
    requests: ['I want to watch another stock.', 'Could you extend my watchlist?', 'Please add to my watchlist.'],
    questions: ['Which stock should I add?', 'Which one do you mean?'],
  },
  get_stock_info: {
    requests: ['How is the stock doing?', 'I want to know about a stock.', 'Could you check a stock for me?'],
    questions: ['Which stock do you mean?', 'Which one should I look up?'],
  },
  get_flight_cost: {
    requests: [
      'I want to know what a flight costs.',
      'Could you check a fare?',
      'Please look up the price of a flight.',
    ],
    questions: ['From where to where, when, and in which class?', 'Which route, date and class?'],
  },
  book_flight: {
    requests: ['I need a flight.', 'Could you book a flight for me?', 'Please get me a seat on a plane.'],
    questions: ['Which route, date, class and card?', 'From where to where, when, in which class and by which card?'],
  },
  compute_exchange_rate: {
    requests: ['I need to change some money.', 'Could you convert an amount for me?', 'Please work out an exchange.'],
    questions: ['How much, and into which currency?', 'Which amount and which currency?'],
  },
  set_budget_limit: {
    requests: ['I want a budget limit for travel.', 'Could you limit my travel budget?', 'Please set a travel budget.'],
    questions: ['What is the limit?', 'Which limit should I set?'],
  },
  fillFuelTank: {
    requests: ['The car needs fuel.', 'Could you fuel the car?', 'Please put some fuel into the tank.'],
    questions: ['How many gallons should I fill in?', 'How much fuel do you want?'],
  },
  adjustClimateControl: {
    requests: [
      'The temperature in the car is not right.',
      'Could you adjust the climate?',
      'Please change the climate.',
    ],
    questions: ['Which temperature do you want?', 'To how many degrees should I set it?'],
  },
  set_navigation: {
    requests: ['I need directions.', 'Could you start the navigation?', 'Please switch on the navigation.'],
    questions: ['Where do you want to go?', 'What is the destination?'],
  },
  estimate_distance: {
    requests: ['I want to know a distance.', 'Could you tell me how far it is?', 'Please estimate a distance.'],
    questions: ['Between which two places?', 'From where to where?'],
  },
  mean: {
    requests: ['I need an average.', 'Could you compute an average?', 'Please work out a mean.'],
    questions: ['Of which numbers?', 'Which numbers do you mean?'],
  },
  add: {
    requests: ['I need a sum.', 'Could you add something up?', 'Please add two numbers.'],
    questions: ['Which numbers should I add?', 'Which two numbers?'],
  },
  multiply: {
    requests: ['I need a product.', 'Could you multiply something?', 'Please multiply two numbers.'],
    questions: ['Which numbers should I multiply?', 'Which two numbers?'],
  },
};

/** What the user says in a turn that reveals functions. */
export const revealPhrasings = [
  'I have updated some more functions you can choose from. What about now?',
  'There are more functions now. Please try again.',
  'I have given you further functions. Can you do it now?',
  'You have got another function. Go on with what I asked for.',
  'More functions are available now, so please do it.',
  'Have a look at the new functions and try once more.',
];

/** What an assistant says that lacks a function. */
export const lackPhrasings = [
  'I have no function for that.',
  'None of my functions can do that.',
  'I lack a function that does this.',
  'That needs a function that I do not have.',
];
