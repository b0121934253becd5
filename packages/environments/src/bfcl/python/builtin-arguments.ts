import type { Arguments } from './callable.js';
import { type PyValue, typeError, typeName } from './value.js';

/** Refuses keyword arguments; `name` is how CPython calls the function in its messages ("str.upper", "len"). */
export function refuseKeywords(name: string, { keywords }: Arguments): void {
  if (keywords.length > 0) throw typeError(`${name}() takes no keyword arguments`);
}

/** A function without arguments. */
export function takeNone(name: string, args: Arguments): void {
  refuseKeywords(name, args);
  const given = args.positional.length;
  if (given > 0) throw typeError(`${name}() takes no arguments (${given} given)`);
}

/** A function of exactly one argument. */
export function takeOne(name: string, args: Arguments): PyValue {
  refuseKeywords(name, args);
  const [value] = args.positional;
  if (value === undefined || args.positional.length > 1) {
    throw typeError(`${name}() takes exactly one argument (${args.positional.length} given)`);
  }
  return value;
}

/**
 * A function of `least` to `most` positional arguments.
 *
 * @param qualifiedName - as in "str.replace", for keywords; counts are told with its last part.
 */
export function takeBetween(qualifiedName: string, least: number, most: number, args: Arguments): readonly PyValue[] {
  refuseKeywords(qualifiedName, args);
  const { positional } = args;
  if (positional.length < least || positional.length > most) {
    const name = qualifiedName.slice(qualifiedName.lastIndexOf('.') + 1);
    const bound = positional.length < least ? least : most;
    const quantity = least === most ? '' : positional.length < least ? 'at least ' : 'at most ';
    const noun = bound === 1 ? 'argument' : 'arguments';
    throw typeError(`${name} expected ${quantity}${bound} ${noun}, got ${positional.length}`);
  }
  return positional;
}

/**
 * A function whose parameters have names.
 *
 * @param positionalCount - how many of them may be given by position.
 * @returns a value or undefined for each name.
 */
export function takeNamed(
  name: string,
  parameters: readonly string[],
  positionalCount: number,
  { positional, keywords }: Arguments,
): (PyValue | undefined)[] {
  const given = positional.length + keywords.length;
  const areTooMany = positionalCount === parameters.length && given > positionalCount;
  if (positional.length > positionalCount || areTooMany) {
    if (positionalCount === 0) throw typeError(`${name}() takes no positional arguments`);
    const what = positionalCount < parameters.length ? 'positional argument' : 'argument';
    const quantity = `${positionalCount} ${what}${positionalCount === 1 ? '' : 's'}`;
    throw typeError(`${name}() takes at most ${quantity} (${given} given)`);
  }
  const values: (PyValue | undefined)[] = parameters.map((_, index) => positional[index]);
  for (const keyword of keywords) {
    const index = parameters.indexOf(keyword.name);
    if (index < 0) throw typeError(`'${keyword.name}' is an invalid keyword argument for ${name}()`);
    if (values[index] !== undefined) {
      throw typeError(`argument for ${name}() given by name ('${keyword.name}') and position (${index + 1})`);
    }
    values[index] = keyword.value;
  }
  return values;
}

/** An argument that has to be an int: an index, a count, a width. */
export function asIndex(value: PyValue): number {
  if (typeof value === 'bigint' || typeof value === 'boolean') {
    // Beyond what any of our texts and lists is long, so that clamping to it changes nothing.
    const int = BigInt(value);
    return Number(int > 2n ** 40n ? 2n ** 40n : int < -(2n ** 40n) ? -(2n ** 40n) : int);
  }
  throw typeError(`'${typeName(value)}' object cannot be interpreted as an integer`);
}
