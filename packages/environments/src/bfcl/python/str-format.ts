import type { Arguments } from './callable.js';
import { formatValue } from './format.js';
import { pyAscii, pyRepr, pyStr } from './render.js';
import { itemAt } from './subscript.js';
import { PyDict, PythonError, type PyValue, typeError, typeName } from './value.js';

const MAX_LENGTH = 500_000;

type AttributeOf = (value: PyValue, name: string) => PyValue;

/**
 * Python `text.format(*positional, **keywords)`.
 *
 * @param attributeOf - looks up what `{name.attribute}` asks for.
 */
export function strFormat(text: string, args: Arguments, attributeOf: AttributeOf): string {
  return new Formatter(args, attributeOf).format(text, 2);
}

/** What `format_map` takes its names from. */
export function mappingKeywords(mapping: PyValue): { name: string; value: PyValue }[] {
  if (!(mapping instanceof PyDict)) throw typeError(`'${typeName(mapping)}' object is not subscriptable`);
  return Array.from(mapping.entries()).flatMap(([name, value]) => (typeof name === 'string' ? [{ name, value }] : []));
}

/** Python `format(str/repr/ascii(value), …)` by the letter after `!`; "" leaves the value as it is. */
export function converted(value: PyValue, conversion: string): PyValue {
  switch (conversion) {
    case 'r':
      return pyRepr(value);
    case 's':
      return pyStr(value);
    case 'a':
      return pyAscii(value);
    default:
      return value;
  }
}

class Formatter {
  readonly #positional: readonly PyValue[];
  readonly #keywords: ReadonlyMap<string, PyValue>;
  readonly #attributeOf: AttributeOf;
  #automatic = 0;
  #numbering: 'automatic' | 'manual' | undefined;

  constructor({ positional, keywords }: Arguments, attributeOf: AttributeOf) {
    this.#attributeOf = attributeOf;
    this.#positional = positional;
    this.#keywords = new Map(keywords.map(({ name, value }) => [name, value]));
  }

  format(text: string, depth: number): string {
    if (depth < 0) throw new PythonError('ValueError', 'Max string recursion exceeded');
    let result = '';
    for (let index = 0; index < text.length; index++) {
      const character = text[index] as string;
      if (character !== '{' && character !== '}') {
        result += character;
      } else if (text[index + 1] === character) {
        result += character;
        index++;
      } else if (character === '}') {
        throw new PythonError('ValueError', "Single '}' encountered in format string");
      } else {
        const end = fieldEnd(text, index);
        result += this.#field(text.slice(index + 1, end), depth);
        index = end;
      }
      if (result.length > MAX_LENGTH) throw new PythonError('MemoryError', '');
    }
    return result;
  }

  #field(field: string, depth: number): string {
    const nameEnd = /^(?:[^[:!{}]|\[[^\]]*\])*/.exec(field)?.[0].length ?? 0;
    const name = field.slice(0, nameEnd);
    let rest = field.slice(nameEnd);
    let conversion = '';
    if (rest.startsWith('!')) {
      conversion = rest[1] ?? '';
      if (conversion === '' || conversion === ':') {
        throw new PythonError('ValueError', 'end of string while looking for conversion specifier');
      }
      rest = rest.slice(2);
      if (rest !== '' && !rest.startsWith(':')) {
        throw new PythonError('ValueError', "expected ':' after conversion specifier");
      }
      if (!'rsa'.includes(conversion)) {
        throw new PythonError('ValueError', `Unknown conversion specifier ${conversion}`);
      }
    }
    const value = this.#lookUp(name);
    const specification = rest.startsWith(':') ? this.format(rest.slice(1), depth - 1) : '';
    return formatValue(converted(value, conversion), specification);
  }

  #lookUp(name: string): PyValue {
    const first = /^[^.[]*/.exec(name)?.[0] ?? '';
    let value = this.#argument(first);
    let rest = name.slice(first.length);
    while (rest !== '') {
      const step = /^(?:\.([^.[]+)|\[([^\]]+)\])/.exec(rest);
      if (step === null) {
        const message =
          rest.startsWith('[') || rest.startsWith('.')
            ? 'Empty attribute in format string'
            : "Only '.' or '[' may follow ']' in format field specifier";
        throw new PythonError('ValueError', message);
      }
      const key = step[2];
      value =
        key === undefined
          ? this.#attributeOf(value, step[1] as string)
          : itemAt(value, /^\d+$/.test(key) ? BigInt(key) : key);
      rest = rest.slice(step[0].length);
    }
    return value;
  }

  #argument(name: string): PyValue {
    if (name !== '' && !/^\d+$/.test(name)) {
      const value = this.#keywords.get(name);
      if (value === undefined) throw new PythonError('KeyError', pyRepr(name));
      return value;
    }
    const numbering = name === '' ? 'automatic' : 'manual';
    if (this.#numbering !== undefined && this.#numbering !== numbering) {
      throw new PythonError(
        'ValueError',
        numbering === 'automatic'
          ? 'cannot switch from manual field specification to automatic field numbering'
          : 'cannot switch from automatic field numbering to manual field specification',
      );
    }
    this.#numbering = numbering;
    const index = name === '' ? this.#automatic++ : Number(name);
    const value = this.#positional[index];
    if (value === undefined) {
      throw new PythonError('IndexError', `Replacement index ${index} out of range for positional args tuple`);
    }
    return value;
  }
}

/** Index of the brace that closes the one at `start`. */
function fieldEnd(text: string, start: number): number {
  let depth = 0;
  for (let index = start; index < text.length; index++) {
    if (text[index] === '{') depth++;
    else if (text[index] === '}' && --depth === 0) return index;
  }
  throw new PythonError(
    'ValueError',
    start === text.length - 1 ? "Single '{' encountered in format string" : "expected '}' before end of string",
  );
}
