import type { Entity } from '../entities.js';
import { joinWords } from '../phrasing.js';
import { type Clause, type PlannedArgument, RejectedDraft, type Spoken, type TurnDraft } from '../turn-draft.js';
import { familiarity } from './content.js';
import { mathPhrasings as phrasings } from './math-phrasings.js';
import type { Operation } from './operation.js';
import { spokenNumber, word } from './wording.js';

type Method = keyof typeof phrasings;

/** Results longer than this are hard to copy for a small policy; numbers are drawn until they fit. */
const MAX_RESULT_LENGTH = 5;
const MAX_DRAWS = 40;

interface Calculation {
  readonly method: Method;
  readonly weight: number;
  /** Role of the result in the conversation. */
  readonly role: string;
  /** What the closing message calls the result. */
  readonly noun: string;
  /** Whether the numbers in the message show the result already. */
  readonly isSelection?: boolean;
}

interface ListCalculation extends Calculation {
  readonly least: number;
  compute(values: readonly number[]): number;
}

interface BinaryCalculation extends Calculation {
  readonly parameters: readonly [string, string];
  /** Second operand for a first one. */
  second(draft: TurnDraft, a: number): number;
  compute(a: number, b: number): number;
}

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
const average = (values: readonly number[]): number => total(values) / values.length;

const listCalculations: readonly ListCalculation[] = [
  { method: 'mean', weight: 2.5, role: 'mean', noun: 'mean', least: 2, compute: average },
  {
    method: 'standard_deviation',
    weight: 0.7,
    role: 'deviation',
    noun: 'standard deviation',
    least: 2,
    compute: (values) => Math.sqrt(average(values.map((value) => (value - average(values)) ** 2))),
  },
  { method: 'sum_values', weight: 1.5, role: 'sum', noun: 'sum', least: 3, compute: total },
  {
    method: 'max_value',
    weight: 1,
    role: 'maximum',
    noun: 'maximum',
    least: 3,
    isSelection: true,
    compute: (values) => Math.max(...values),
  },
  {
    method: 'min_value',
    weight: 1,
    role: 'minimum',
    noun: 'minimum',
    least: 3,
    isSelection: true,
    compute: (values) => Math.min(...values),
  },
];

const binaryCalculations: readonly BinaryCalculation[] = [
  {
    method: 'add',
    weight: 1.3,
    role: 'sum',
    noun: 'sum',
    parameters: ['a', 'b'],
    second: smallNumber,
    compute: (a, b) => a + b,
  },
  {
    method: 'subtract',
    weight: 1.3,
    role: 'difference',
    noun: 'difference',
    parameters: ['a', 'b'],
    second: smallNumber,
    compute: (a, b) => a - b,
  },
  {
    method: 'multiply',
    weight: 1.3,
    role: 'product',
    noun: 'product',
    parameters: ['a', 'b'],
    second: (draft) => draft.random.integer(2, 9),
    compute: (a, b) => a * b,
  },
  {
    method: 'divide',
    weight: 1.2,
    role: 'quotient',
    noun: 'quotient',
    parameters: ['a', 'b'],
    second: (draft) => draft.random.pick([2, 4, 5, 8, 10]),
    compute: (a, b) => a / b,
  },
  {
    method: 'percentage',
    weight: 1,
    role: 'percentage',
    noun: 'percentage',
    parameters: ['part', 'whole'],
    second: (draft, a) =>
      draft.random.pick([20, 25, 40, 50, 80, 200, 400, 500].filter((whole) => whole > a || whole > 400)),
    compute: (part, whole) => (part / whole) * 100,
  },
  {
    method: 'power',
    weight: 0.6,
    role: 'power',
    noun: 'power',
    parameters: ['base', 'exponent'],
    second: (draft) => draft.random.integer(2, 3),
    compute: (base, exponent) => base ** exponent,
  },
];

/** Operations on MathAPI: 13 methods. Logarithms, square roots and unit conversions give results too long to copy. */
export const mathOperations: readonly Operation[] = [
  ...listCalculations.map((calculation) =>
    operation(calculation.method, calculation.weight, (draft) => ofList(draft, calculation)),
  ),
  ...binaryCalculations.map((calculation) =>
    operation(calculation.method, calculation.weight, (draft) => ofPair(draft, calculation)),
  ),
  operation('round_number', 0.8, rounded),
  operation('absolute_value', 0.5, absolute),
];

function operation(method: Method, weight: number, run: Operation['run']): Operation {
  return {
    name: method,
    className: 'MathAPI',
    methods: [method],
    uses: ['value'],
    weight: (draft) => (draft.scenario.math ? weight : 0),
    run,
  };
}

function ofList(draft: TurnDraft, calculation: ListCalculation): Clause | undefined {
  const known = draft.random.chance(0.4) ? knownNumber(draft) : undefined;
  const count = draft.random.integer(calculation.least, 4) - (known === undefined ? 0 : 1);
  const fresh = drawUntil(
    () => distinctNumbers(draft, count),
    (numbers) => {
      const values = known === undefined ? numbers : [Number(known.literal), ...numbers];
      return isShort(calculation.compute(values));
    },
  );
  if (fresh === undefined) return undefined;
  const operands = [...(known === undefined ? [] : [draft.refer(known)]), ...fresh.map((value) => say(draft, value))];
  const numbers: PlannedArgument = {
    name: 'numbers',
    value: operands.map(({ literal }) => ({ number: literal })),
    provenance: operands[0]!.provenance,
  };
  const slots = { numbers: joinWords(operands.map(({ phrase }) => phrase)) };
  return calculate(draft, calculation, [numbers], slots);
}

function ofPair(draft: TurnDraft, calculation: BinaryCalculation): Clause | undefined {
  const known = draft.random.chance(0.8) ? knownNumber(draft) : undefined;
  const pair = drawUntil(
    () => {
      const a = known === undefined ? freshNumber(draft) : Number(known.literal);
      return [a, calculation.second(draft, a)] as const;
    },
    ([a, b]) => a !== b && isShort(calculation.compute(a, b)),
  );
  if (pair === undefined) return undefined;
  const first = known === undefined ? say(draft, pair[0]) : draft.refer(known);
  const second = say(draft, pair[1]);
  const args = [spokenNumber(calculation.parameters[0], first), spokenNumber(calculation.parameters[1], second)];
  return calculate(draft, calculation, args, { a: first.phrase, b: second.phrase });
}

function rounded(draft: TurnDraft): Clause | undefined {
  const places = draft.random.integer(1, 2);
  const hasMorePlaces = (entity: Entity): boolean => (entity.literal.split('.')[1]?.length ?? 0) > places;
  const known = draft.random.chance(0.8) ? knownNumber(draft, hasMorePlaces) : undefined;
  const operand = known === undefined ? sayText(draft, newDecimal(draft, places + 1)) : draft.refer(known);
  const words = `${places} decimal place${places === 1 ? '' : 's'}`;
  const args = [
    spokenNumber('number', operand),
    { name: 'decimal_places', value: { number: `${places}` }, provenance: draft.stated(words) },
  ];
  const description = { method: 'round_number', weight: 1, role: 'rounded', noun: 'rounded value' } as const;
  return calculate(draft, description, args, { a: operand.phrase, places: words });
}

function absolute(draft: TurnDraft): Clause | undefined {
  const known = knownNumber(draft, (entity) => entity.literal.startsWith('-'));
  const operand = known === undefined ? sayText(draft, `-${freshNumber(draft)}`) : draft.refer(known);
  const description = {
    method: 'absolute_value',
    weight: 1,
    role: 'absolute',
    noun: 'absolute value',
    isSelection: true,
  } as const;
  return calculate(draft, description, [spokenNumber('number', operand)], { a: operand.phrase });
}

function calculate(
  draft: TurnDraft,
  { method, role, noun, isSelection = false }: Calculation,
  args: readonly PlannedArgument[],
  slots: Readonly<Record<string, string>>,
): Clause {
  const text = word(draft, phrasings[method], slots);
  let value = '';
  const answers = (_result: unknown, content: string): readonly string[] => {
    value = resultText(content);
    return isSelection ? [] : [value];
  };
  draft.call('MathAPI', method, args, { changes: false, answers });
  const entity = draft.scenario.registry.add('value', value);
  draft.learn(entity, role);
  return { text, focus: entity, message: `The ${noun} is ${value}.` };
}

/** The number in `{"result": 4.0}` as it is spelled: a JSON parser would make it 4. */
function resultText(content: string): string {
  const number = /^\{"result": (-?[\d.]+)\}$/.exec(content)?.[1];
  if (number === undefined) throw new RejectedDraft(`expected a plain number as result, received ${content}`);
  return number;
}

function knownNumber(draft: TurnDraft, fits: (entity: Entity) => boolean = () => true): Entity | undefined {
  const usable = draft.scenario.registry
    .known('value')
    .filter((entity) => fits(entity) && (draft.isKnown(entity) || entity === draft.focus));
  return draft.random.pickWeighted(usable, (entity) => familiarity(draft, entity));
}

function freshNumber(draft: TurnDraft): number {
  return draft.random.chance(0.2) ? draft.random.integer(2, 60) / 2 : draft.random.integer(2, 60);
}

/** A decimal with exactly that many places, the last one not 0. */
function newDecimal({ random }: TurnDraft, places: number): string {
  const head = Array.from({ length: places - 1 }, () => random.integer(0, 9)).join('');
  return `${random.integer(1, 40)}.${head}${random.integer(1, 9)}`;
}

function smallNumber(draft: TurnDraft): number {
  return draft.random.integer(2, 20);
}

function distinctNumbers(draft: TurnDraft, count: number): number[] {
  const numbers = new Set<number>();
  while (numbers.size < count) numbers.add(freshNumber(draft));
  return [...numbers];
}

function say(draft: TurnDraft, value: number): Spoken {
  return sayText(draft, `${value}`);
}

function sayText(draft: TurnDraft, text: string): Spoken {
  return { phrase: text, literal: text, provenance: draft.stated(text) };
}

function isShort(value: number): boolean {
  return `${value}`.length <= MAX_RESULT_LENGTH && Math.abs(value) < 10_000;
}

function drawUntil<T>(draw: () => T, fits: (value: T) => boolean): T | undefined {
  for (let i = 0; i < MAX_DRAWS; i++) {
    const value = draw();
    if (fits(value)) return value;
  }
  return undefined;
}
