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
