import { UsageError } from '@parl-mt/schema';

/** Fields of an untrusted configuration, read with their ranges; `where` names the file in errors. */
export class ConfigFields {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly where: string;

  constructor(fields: unknown, where: string) {
    if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
      throw new UsageError(`expected a JSON object at ${where}`);
    }
    this.#fields = fields as Readonly<Record<string, unknown>>;
    this.where = where;
  }

  /** The raw value; undefined for null, too. */
  raw(name: string): unknown {
    return Object.hasOwn(this.#fields, name) ? (this.#fields[name] ?? undefined) : undefined;
  }

  has(name: string): boolean {
    return this.raw(name) !== undefined;
  }

  /** An integer from 1 to `max`, or `fallback` where the field is absent or null. */
  extent(name: string, max: number, fallback?: number): number {
    const value = this.raw(name) ?? fallback;
    if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > max) {
      return this.#fail(name, `an integer in 1..${max}`, value);
    }
    return value as number;
  }

  /** A finite number from `min` to `max`, or `fallback`. */
  number(name: string, min: number, max: number, fallback?: number): number {
    const value = this.raw(name) ?? fallback;
    if (typeof value !== 'number' || !(value >= min && value <= max)) {
      return this.#fail(name, `a number in ${min}..${max}`, value);
    }
    return value;
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.raw(name) ?? fallback;
    return typeof value === 'boolean' ? value : this.#fail(name, 'true or false', value);
  }

  /** An object within the object. */
  object(name: string): ConfigFields | undefined {
    const value = this.raw(name);
    return value === undefined ? undefined : new ConfigFields(value, `${name} of ${this.where}`);
  }

  /** @throws {UsageError} when the field is present and none of the accepted values. */
  only(name: string, accepted: readonly unknown[], hint: string): void {
    const value = this.raw(name);
    if (value !== undefined && !accepted.includes(value)) {
      throw new UsageError(
        `expected ${name} ${accepted.map(String).join(' or ')} in ${this.where}, received ${shown(value)}: ${hint}`,
      );
    }
  }

  #fail(name: string, wanted: string, value: unknown): never {
    throw new UsageError(`expected ${name} of ${this.where} to be ${wanted}, received ${shown(value)}`);
  }
}

/** A value for a message: short, whatever it is. */
export function shown(value: unknown): string {
  if (value === undefined) return 'none';
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}
