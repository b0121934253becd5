import { JinjaFailure } from './jinja-error.js';
import { type KeywordArguments, typeName, Undefined, type Value } from './value.js';

/** Arguments of a built-in by name, with errors that say which one is wrong. */
export class Arguments {
  readonly #values = new Map<string, Value>();

  /** @param names - parameters in order; more positional arguments, or other keywords, are errors. */
  constructor(
    private readonly callee: string,
    names: readonly string[],
    args: readonly Value[],
    kwargs: KeywordArguments,
  ) {
    if (args.length > names.length) {
      throw new JinjaFailure(
        'type',
        `expected at most ${names.length} arguments of ${callee}, received ${args.length}`,
      );
    }
    for (const [i, value] of args.entries()) this.#values.set(names[i]!, value);
    for (const [name, value] of kwargs) {
      if (!names.includes(name) || this.#values.has(name)) {
        const known = names.length === 0 ? 'no keyword arguments' : `each of ${names.join(', ')} once`;
        throw new JinjaFailure('type', `expected ${known} of ${callee}, received ${name}`);
      }
      this.#values.set(name, value);
    }
  }

  get(name: string): Value | undefined {
    return this.#values.get(name);
  }

  required(name: string): Value {
    const value = this.#values.get(name);
    if (value === undefined) throw new JinjaFailure('type', `expected the argument ${name} of ${this.callee}`);
    return value;
  }

  text(name: string): string | undefined {
    const value = this.#values.get(name);
    if (value === undefined || typeof value === 'string') return value;
    throw this.mismatch(name, 'a string', value);
  }

  requiredText(name: string): string {
    this.required(name);
    return this.text(name)!;
  }

  integer(name: string, fallback: number): number {
    const value = this.#values.get(name);
    if (value === undefined) return fallback;
    if (typeof value === 'bigint' || typeof value === 'boolean') return Number(value);
    throw this.mismatch(name, 'an int', value);
  }

  private mismatch(name: string, expected: string, value: Value): JinjaFailure {
    if (value instanceof Undefined) return value.failure();
    return new JinjaFailure('type', `expected ${expected} as ${name} of ${this.callee}, received ${typeName(value)}`);
  }
}
