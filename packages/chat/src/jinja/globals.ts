import { Arguments } from './arguments.js';
import { JinjaFailure } from './jinja-error.js';
import { iterate, type Runtime } from './operations.js';
import { toText } from './python-text.js';
import { strftime } from './strftime.js';
import { Dict, type KeywordArguments, Native, NativeFunction, type Value, View } from './value.js';

/** Longest range, as in Jinja's sandbox. */
const MAX_RANGE = 100_000;

/** `namespace(...)`: the one thing that a template may change. */
export class Namespace extends Native {
  readonly typeName = 'Namespace';
  readonly #values: Dict;

  constructor(values: Dict) {
    super();
    this.#values = values;
  }

  override attribute(name: string): Value | undefined {
    return this.#values.get(name);
  }

  override item(key: Value): Value | undefined {
    return typeof key === 'string' ? this.#values.get(key) : undefined;
  }

  set(name: string, value: Value): void {
    if (name.startsWith('__')) throw new JinjaFailure('security', `expected a plain name, received ${name}`);
    this.#values.set(name, value);
  }
}

class Cycler extends Native {
  readonly typeName = 'Cycler';
  #index = 0;

  constructor(private readonly items: readonly Value[]) {
    super();
  }

  override attribute(name: string): Value | undefined {
    switch (name) {
      case 'current':
        return this.items[this.#index];
      case 'next':
        return new NativeFunction('next', () => {
          const item = this.items[this.#index]!;
          this.#index = (this.#index + 1) % this.items.length;
          return item;
        });
      case 'reset':
        return new NativeFunction('reset', () => {
          this.#index = 0;
          return null;
        });
      default:
        return undefined;
    }
  }
}

/** Functions that every template may call. */
export function globalFunctions(runtime: Runtime, now: () => Date): Map<string, Value> {
  const define = (name: string, call: (args: readonly Value[], kwargs: KeywordArguments) => Value) =>
    [name, new NativeFunction(name, call)] as const;
  return new Map<string, Value>([
    define('range', (args) => range(args, runtime)),
    define('dict', (args, kwargs) => makeDict(args, kwargs, runtime)),
    define('namespace', (args, kwargs) => {
      const values = makeDict(args, kwargs, runtime);
      const hidden = values.keys().find((name) => typeof name === 'string' && name.startsWith('__'));
      if (hidden !== undefined) throw new JinjaFailure('security', `expected plain names, received ${String(hidden)}`);
      return new Namespace(values);
    }),
    define('cycler', (args) => {
      if (args.length === 0) throw new JinjaFailure('type', 'expected items for cycler');
      return new Cycler(args);
    }),
    define('joiner', (args, kwargs) => {
      const separator = new Arguments('joiner', ['sep'], args, kwargs).text('sep') ?? ', ';
      let isUsed = false;
      return new NativeFunction('joiner', () => {
        const text = isUsed ? separator : '';
        isUsed = true;
        return text;
      });
    }),
    define('raise_exception', (args, kwargs) => {
      const message = new Arguments('raise_exception', ['message'], args, kwargs).required('message');
      throw new JinjaFailure('raised', toText(message, runtime.work));
    }),
    define('strftime_now', (args, kwargs) => {
      const text = strftime(now(), new Arguments('strftime_now', ['format'], args, kwargs).requiredText('format'));
      runtime.work.text(text.length);
      return text;
    }),
  ]);
}

function range(args: readonly Value[], { work }: Runtime): Value {
  const bounds = args.map((value) => {
    if (typeof value !== 'bigint' && typeof value !== 'boolean')
      throw new JinjaFailure('type', 'expected ints for range');
    return Number(value);
  });
  if (bounds.length < 1 || bounds.length > 3)
    throw new JinjaFailure('type', 'expected one to three arguments of range');
  const [start, stop, step] = bounds.length === 1 ? [0, bounds[0]!, 1] : [bounds[0]!, bounds[1]!, bounds[2] ?? 1];
  if (step === 0) throw new JinjaFailure('value', 'expected a step of range other than zero');
  const length = Math.max(0, Math.ceil((stop - start) / step));
  if (length > MAX_RANGE)
    throw new JinjaFailure('limit', `expected a range of at most ${MAX_RANGE} numbers, received ${length}`);
  work.spend(length);
  const items = Array.from({ length }, (_, i) => BigInt(start + i * step));
  return new View('range', items, `range(${start}, ${stop}${step === 1 ? '' : `, ${step}`})`);
}

function makeDict(args: readonly Value[], kwargs: KeywordArguments, runtime: Runtime): Dict {
  if (args.length > 1)
    throw new JinjaFailure('type', `expected at most one positional argument, received ${args.length}`);
  const dict = new Dict();
  const [source] = args;
  if (source instanceof Dict) for (const [key, value] of source.entries()) dict.set(key, value);
  else if (source !== undefined) {
    for (const pair of iterate(source, runtime)) {
      const [key, value, ...rest] = iterate(pair, runtime);
      if (key === undefined || value === undefined || rest.length > 0) {
        throw new JinjaFailure('value', 'expected pairs of key and value to make a dict of');
      }
      dict.set(key, value);
    }
  }
  for (const [name, value] of kwargs) dict.set(name, value);
  return dict;
}
