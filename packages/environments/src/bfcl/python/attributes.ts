import { takeNone, takeOne } from './builtin-arguments.js';
import { type Arguments, PyCallable, PyNamespace } from './callable.js';
import { dictMethods, listMethods, setMethods, tupleMethods } from './collection-methods.js';
import { PyComplex } from './complex.js';
import { bitLength } from './rational.js';
import { pyRepr } from './render.js';
import { mappingKeywords, strFormat } from './str-format.js';
import { strMethods } from './str-methods.js';
import { PyBytes, PyDict, PySet, PyTuple, PythonError, type PyValue, typeName } from './value.js';

/** A method of a builtin type, bound to a value. */
class BuiltinMethod extends PyCallable {
  readonly owner: PyValue;
  readonly name: string;
  readonly #run: (args: Arguments) => PyValue;

  constructor(owner: PyValue, name: string, run: (args: Arguments) => PyValue) {
    super();
    this.owner = owner;
    this.name = name;
    this.#run = run;
  }

  get typeName(): string {
    return 'builtin_function_or_method';
  }

  /** Python prints an address, another in every run. */
  repr(): string {
    return `<built-in method ${this.name} of ${typeName(this.owner)} object at 0x0>`;
  }

  call(args: Arguments): PyValue {
    return this.#run(args);
  }
}

const formatMethods: ReadonlyMap<string, (text: string, args: Arguments) => string> = new Map([
  ['format', (text: string, args: Arguments) => strFormat(text, args, attributeOf)],
  [
    'format_map',
    (text: string, args: Arguments) => {
      const keywords = mappingKeywords(takeOne('str.format_map', args));
      return strFormat(text, { positional: [], keywords }, attributeOf);
    },
  ],
]);

/**
 * Python `value.name`: methods of the builtin types, and what a namespace of ours hands out. Names that lead out of the
 * values (`__class__` and its like) are unknown.
 *
 * @throws {PythonError} AttributeError "'int' object has no attribute 'lower'".
 */
export function attributeOf(value: PyValue, name: string): PyValue {
  const isOurs = value instanceof PyNamespace || value instanceof PyCallable;
  const attribute = isOurs ? value.attribute(name) : builtinAttribute(value, name);
  if (attribute !== undefined) return attribute;
  const what =
    typeName(value) === 'type' ? `type object '${pyRepr(value).slice(8, -2)}'` : `'${typeName(value)}' object`;
  throw new PythonError('AttributeError', `${what} has no attribute '${name}'`);
}

/** Whether `type.name` is a method that takes a value of the type first. */
export function isMethodOf(type: string, name: string): boolean {
  const examples: { readonly [type: string]: PyValue } = {
    str: '',
    list: [],
    dict: new PyDict(),
    tuple: new PyTuple([]),
    set: new PySet(),
    int: 0n,
    float: 0,
  };
  const example = Object.hasOwn(examples, type) ? (examples[type] as PyValue) : null;
  return builtinAttribute(example, name) instanceof BuiltinMethod;
}

function builtinAttribute(value: PyValue, name: string): PyValue | undefined {
  if (typeof value === 'string') return bound(value, name, strMethods.get(name) ?? formatMethods.get(name));
  if (Array.isArray(value)) return bound(value, name, listMethods.get(name));
  if (value instanceof PyDict) return bound(value, name, dictMethods.get(name));
  if (value instanceof PyTuple) return bound(value, name, tupleMethods.get(name));
  if (value instanceof PySet) return bound(value, name, setMethods.get(name));
  if (typeof value === 'bigint' || typeof value === 'boolean') return intAttribute(BigInt(value), name);
  if (typeof value === 'number') return floatAttribute(value, name);
  if (value instanceof PyComplex) {
    return name === 'real' ? value.real : name === 'imag' ? value.imaginary : undefined;
  }
  if (value instanceof PyBytes && name === 'decode') {
    return new BuiltinMethod(value, name, () => Buffer.from(value.latin1, 'latin1').toString('utf8'));
  }
  return undefined;
}

function bound<T extends PyValue>(
  value: T,
  name: string,
  method: ((self: T, args: Arguments) => PyValue) | undefined,
): PyValue | undefined {
  return method === undefined ? undefined : new BuiltinMethod(value, name, (args) => method(value, args));
}

function intAttribute(value: bigint, name: string): PyValue | undefined {
  switch (name) {
    case 'real':
    case 'numerator':
      return value;
    case 'imag':
      return 0n;
    case 'denominator':
      return 1n;
    case 'bit_length':
      return withoutArguments(value, 'int', name, () => BigInt(bitLength(value)));
    case 'bit_count':
      return withoutArguments(value, 'int', name, () =>
        BigInt((value < 0n ? -value : value).toString(2).replaceAll('0', '').length),
      );
    case 'conjugate':
      return withoutArguments(value, 'int', name, () => value);
    default:
      return undefined;
  }
}

function floatAttribute(value: number, name: string): PyValue | undefined {
  switch (name) {
    case 'real':
      return value;
    case 'imag':
      return 0;
    case 'conjugate':
      return withoutArguments(value, 'float', name, () => value);
    case 'is_integer':
      return withoutArguments(value, 'float', name, () => Number.isInteger(value));
    default:
      return undefined;
  }
}

function withoutArguments(value: PyValue, type: string, name: string, run: () => PyValue): BuiltinMethod {
  return new BuiltinMethod(value, name, (args) => {
    takeNone(`${type}.${name}`, args);
    return run();
  });
}
