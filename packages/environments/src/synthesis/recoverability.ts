import { type ArgumentTrace, argumentLiterals, type CallTrace, type TurnTrace } from './trace.js';

/** Values that a word of the message stands for, by method and parameter: "how many words" means mode 'w'. */
const impliedValues: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'wc.mode': { l: 'line', w: 'word', c: 'character' },
  'cd.folder': { '..': 'parent|up one|folder above|above' },
  'find.path': { '.': 'find|search|look|locate' },
  'tail.lines': { 1: 'last line' },
  'lockDoors.door': Object.fromEntries(
    ['driver', 'passenger', 'rear_left', 'rear_right'].map((door) => [door, 'all (four )?doors']),
  ),
  'pressBrakePedal.pedalPosition': { '1.0': 'all the way' },
  'startEngine.ignitionMode': { START: 'start' },
  'displayCarStatus.option': { parkingBrake: 'parking brake', brakePedal: 'brake pedal' },
  'place_order.order_type': { Buy: 'buy', Sell: 'sell' },
};

/**
 * Arguments of a turn's calls that neither the message states, nor a reference, nor an earlier result gives away.
 *
 * @param turns - all turns of the task.
 * @returns one sentence per unrecoverable argument; empty when all is well.
 */
export function unrecoverableArguments(turns: readonly TurnTrace[]): string[] {
  const problems: string[] = [];
  for (const [turn, { calls }] of turns.entries()) {
    const request = requestOf(turns, turn);
    for (const [position, call] of calls.entries()) {
      for (const arg of call.arguments) {
        const problem = checkArgument(turns, turn, position, call, arg, request);
        if (problem !== undefined) problems.push(`turn ${turn}, ${call.call}, ${arg.name}: ${problem}`);
      }
    }
  }
  return problems;
}

/** What the user asks for in a turn: its message, and those before it that could not be acted on. */
export function requestOf(turns: readonly TurnTrace[], turn: number): string {
  let first = turn;
  while (first > 0 && turns[first - 1]!.calls.length === 0) first--;
  return turns
    .slice(first, turn + 1)
    .map(({ userMessage }) => userMessage)
    .join('\n');
}

function checkArgument(
  turns: readonly TurnTrace[],
  turn: number,
  position: number,
  { method }: CallTrace,
  { name, value, provenance }: ArgumentTrace,
  userMessage: string,
): string | undefined {
  if (!containsPhrase(userMessage, provenance.phrase)) return `the message lacks the phrase "${provenance.phrase}"`;
  if (provenance.kind === 'reference' && !isTold(turns, turn, provenance.literal)) {
    return `no message before turn ${turn} tells '${provenance.literal}'`;
  }
  if (provenance.kind === 'result') {
    const isEarlier = provenance.turn < turn || (provenance.turn === turn && provenance.call < position);
    const source = turns[provenance.turn]?.calls[provenance.call];
    if (!isEarlier || source === undefined) return 'its source is no earlier call';
    if (!resultTells(source.result, provenance.literal))
      return `the result ${source.result} lacks ${provenance.literal}`;
  }
  const pointed = provenance.kind === 'stated' ? undefined : provenance.literal;
  const implied = impliedValues[`${method}.${name}`];
  for (const literal of argumentLiterals(value)) {
    if (literal === pointed || containsLiteral(userMessage, literal)) continue;
    if (implied?.[literal] !== undefined && new RegExp(implied[literal], 'i').test(userMessage)) continue;
    return `nothing tells ${literal}`;
  }
  return undefined;
}

/**
 * Answers that a user message tells before the call that finds them.
 *
 * @returns one sentence per leak; empty when all is well.
 */
export function earlyReveals(turns: readonly TurnTrace[]): string[] {
  const problems: string[] = [];
  for (const [turn, { calls }] of turns.entries()) {
    for (const call of calls) {
      for (const answer of call.answers) {
        const leak = turns.slice(0, turn + 1).findIndex(({ userMessage }) => containsLiteral(userMessage, answer));
        if (leak >= 0)
          problems.push(`turn ${leak}: the message tells ${answer}, which ${call.call} finds in turn ${turn}`);
      }
    }
  }
  return problems;
}

/** Whether the text says the literal as a whole word: not as part of a longer name or number. */
export function containsLiteral(text: string, literal: string): boolean {
  for (let at = text.indexOf(literal); at >= 0; at = text.indexOf(literal, at + 1)) {
    const before = text.slice(Math.max(0, at - 2), at);
    const after = text.slice(at + literal.length, at + literal.length + 2);
    if (!/[\w#-]$|\w\.$/.test(before) && !/^\w|^\.\w/.test(after)) return true;
  }
  return false;
}

/** Case matters not: a phrase may open the sentence. */
function containsPhrase(text: string, phrase: string): boolean {
  return text.toLowerCase().includes(phrase.toLowerCase());
}

function isTold(turns: readonly TurnTrace[], turn: number, literal: string): boolean {
  return literal === '..' || turns.slice(0, turn).some(({ userMessage }) => containsLiteral(userMessage, literal));
}

function resultTells(result: string, literal: string): boolean {
  return result.includes(JSON.stringify(literal).slice(1, -1));
}
