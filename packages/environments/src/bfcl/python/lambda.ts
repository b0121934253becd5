import type { Expression, LambdaParameter } from './ast.js';
import { type Arguments, PyCallable } from './callable.js';
import { PyDict, PyTuple, type PyValue, typeError } from './value.js';

/** What a lambda expression gives. */
export class PyFunction extends PyCallable {
  readonly parameters: readonly LambdaParameter[];
  readonly defaults: ReadonlyMap<string, PyValue>;
  readonly #run: (bound: ReadonlyMap<string, PyValue>) => PyValue;

  /** @param run - evaluates the body with these names bound. */
  constructor(
    parameters: readonly LambdaParameter[],
    defaults: ReadonlyMap<string, PyValue>,
    run: (bound: ReadonlyMap<string, PyValue>) => PyValue,
  ) {
    super();
    this.parameters = parameters;
    this.defaults = defaults;
    this.#run = run;
  }

  get typeName(): string {
    return 'function';
  }

  /** Python prints an address, another in every run. */
  repr(): string {
    return '<function <lambda> at 0x0>';
  }

  call(args: Arguments): PyValue {
    return this.#run(bindParameters(this.parameters, this.defaults, args));
  }
}

/** Default values of the parameters that have one, evaluated where the lambda stands. */
export function defaultsOf(
  parameters: readonly LambdaParameter[],
  evaluate: (expression: Expression) => PyValue,
): Map<string, PyValue> {
  return new Map(
    parameters.flatMap(({ name, default: value }) => (value === undefined ? [] : [[name, evaluate(value)] as const])),
  );
}

/** CPython's binding, with its messages: keywords in order, then too many positional arguments, then missing ones. */
function bindParameters(
  parameters: readonly LambdaParameter[],
  defaults: ReadonlyMap<string, PyValue>,
  { positional, keywords }: Arguments,
): ReadonlyMap<string, PyValue> {
  const byPosition = parameters.filter(({ kind }) => kind === 'plain' || kind === 'positional only');
  const byName = parameters.filter(({ kind }) => kind === 'plain' || kind === 'keyword only');
  const star = parameters.find(({ kind }) => kind === 'star');
  const doubleStar = parameters.find(({ kind }) => kind === 'double star');
  const bound = new Map<string, PyValue>();
  for (const [index, { name }] of byPosition.entries()) {
    const value = positional[index];
    if (value !== undefined) bound.set(name, value);
  }
  const rest = new PyDict();
  for (const { name, value } of keywords) {
    if (!byName.some((parameter) => parameter.name === name)) {
      if (doubleStar === undefined && byPosition.some((parameter) => parameter.name === name)) {
        const what = `got some positional-only arguments passed as keyword arguments: '${name}'`;
        throw typeError(`<lambda>() ${what}`);
      }
      if (doubleStar === undefined) throw typeError(`<lambda>() got an unexpected keyword argument '${name}'`);
      rest.set(name, value);
    } else if (bound.has(name)) {
      throw typeError(`<lambda>() got multiple values for argument '${name}'`);
    } else {
      bound.set(name, value);
    }
  }
  const extra = positional.slice(byPosition.length);
  if (extra.length > 0 && star === undefined) throw tooMany(byPosition, defaults, positional.length);
  if (star !== undefined) bound.set(star.name, new PyTuple(extra));
  if (doubleStar !== undefined) bound.set(doubleStar.name, rest);
  refuseMissing('positional', byPosition, bound, defaults);
  refuseMissing(
    'keyword-only',
    parameters.filter(({ kind }) => kind === 'keyword only'),
    bound,
    defaults,
  );
  for (const [name, value] of defaults) if (!bound.has(name)) bound.set(name, value);
  return bound;
}

function tooMany(byPosition: readonly LambdaParameter[], defaults: ReadonlyMap<string, PyValue>, given: number): Error {
  const most = byPosition.length;
  const least = byPosition.filter(({ name }) => !defaults.has(name)).length;
  const quantity = least === most ? `${most}` : `from ${least} to ${most}`;
  const noun = most === 1 && least === most ? 'argument' : 'arguments';
  return typeError(
    `<lambda>() takes ${quantity} positional ${noun} but ${given} ${given === 1 ? 'was' : 'were'} given`,
  );
}

function refuseMissing(
  what: string,
  parameters: readonly LambdaParameter[],
  bound: ReadonlyMap<string, PyValue>,
  defaults: ReadonlyMap<string, PyValue>,
): void {
  const names = parameters.filter(({ name }) => !bound.has(name) && !defaults.has(name)).map(({ name }) => `'${name}'`);
  if (names.length === 0) return;
  const last = names.at(-1) as string;
  const list = names.length < 3 ? names.join(' and ') : `${names.slice(0, -1).join(', ')}, and ${last}`;
  const noun = names.length === 1 ? 'argument' : 'arguments';
  throw typeError(`<lambda>() missing ${names.length} required ${what} ${noun}: ${list}`);
}
