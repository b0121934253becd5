import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** One line of a fixture file, see fixtures/rl/README.md of the data folder. */
export interface FixtureCase {
  readonly name: string;
  /** Function that produced it, dotted. */
  readonly source: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly outputs: Readonly<Record<string, unknown>>;
  /** The outputs show behaviour that must not be copied. */
  readonly fault: boolean;
  readonly note?: string;
  /** Float32 run where it is off, or the fault itself. */
  readonly outputs_float32?: Readonly<Record<string, unknown>>;
  /** The source computes in float32 whatever it is given: `outputs` is only that good. */
  readonly internal_float32?: boolean;
}

/** The folder of fixtures below the data folder. */
export class Fixtures {
  readonly #folder: string;

  constructor(data: string) {
    this.#folder = path.join(data, 'fixtures/rl');
  }

  has(file: string): boolean {
    return existsSync(path.join(this.#folder, file));
  }

  /** The lines of a JSONL file. */
  lines(file: string): readonly Readonly<Record<string, unknown>>[] {
    const text = readFileSync(path.join(this.#folder, file), 'utf8').trimEnd();
    return text === '' ? [] : text.split('\n').map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  }

  cases(file: string): readonly FixtureCase[] {
    return this.lines(file) as unknown as readonly FixtureCase[];
  }

  bytes(file: string): Buffer {
    return readFileSync(path.join(this.#folder, file));
  }
}

/** A number as the fixtures write it: NaN and infinities are strings, null is what was not available. */
export function numberOf(value: unknown): number {
  if (value === null) return Number.NaN;
  if (typeof value === 'number') return value;
  if (value === 'NaN') return Number.NaN;
  if (value === 'Infinity') return Number.POSITIVE_INFINITY;
  if (value === '-Infinity') return Number.NEGATIVE_INFINITY;
  throw new TypeError(`expected a number, received ${JSON.stringify(value)}`);
}

/** Rows of numbers. */
export function matrixOf(value: unknown): number[][] {
  return (value as readonly (readonly unknown[])[]).map((row) => row.map(numberOf));
}

export function vectorOf(value: unknown): number[] {
  return (value as readonly unknown[]).map(numberOf);
}
