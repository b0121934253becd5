import { pyRepr } from './render.js';
import { PyObject, PythonError, type PyValue } from './value.js';

/** Items of a range that are ever made: a longer one ends as MemoryError. */
const MAX_RANGE_ITEMS = 200_000;

/** Python `range(start, stop, step)`; step not 0. */
export class PyRange extends PyObject {
  readonly start: bigint;
  readonly stop: bigint;
  readonly step: bigint;

  constructor(start: bigint, stop: bigint, step: bigint) {
    super();
    this.start = start;
    this.stop = stop;
    this.step = step;
  }

  get typeName(): string {
    return 'range';
  }

  get length(): bigint {
    const span = this.step > 0n ? this.stop - this.start : this.start - this.stop;
    const stride = this.step > 0n ? this.step : -this.step;
    return span <= 0n ? 0n : (span + stride - 1n) / stride;
  }

  repr(): string {
    return `range(${this.start}, ${this.stop}${this.step === 1n ? '' : `, ${this.step}`})`;
  }

  override items(): PyValue[] {
    if (this.length > MAX_RANGE_ITEMS) throw new PythonError('MemoryError', '');
    return Array.from({ length: Number(this.length) }, (_, index) => this.start + BigInt(index) * this.step);
  }

  override size(): number {
    return Number(this.length);
  }

  override isEqual(other: PyValue): boolean {
    if (!(other instanceof PyRange) || this.length !== other.length) return false;
    return this.length === 0n || (this.start === other.start && (this.length === 1n || this.step === other.step));
  }
}

/**
 * What `zip`, `map`, a generator expression and their like give: its items can be taken once. They are made at once here,
 * lazily in Python, which differs where making one of them fails.
 */
export class PyIterator extends PyObject {
  readonly kind: string;
  readonly remaining: PyValue[];

  constructor(kind: string, items: PyValue[]) {
    super();
    this.kind = kind;
    this.remaining = items;
  }

  get typeName(): string {
    return this.kind;
  }

  override get isImmutable(): boolean {
    return false;
  }

  /** Python prints an address, another in every run. */
  repr(): string {
    return `<${this.kind} object at 0x0>`;
  }

  override items(): PyValue[] {
    return this.remaining.splice(0);
  }
}

/** `dict.keys()`, `.values()` and `.items()`, as they were when asked for. */
export class PyDictView extends PyObject {
  readonly kind: 'dict_keys' | 'dict_values' | 'dict_items';
  readonly members: PyValue[];

  constructor(kind: PyDictView['kind'], members: PyValue[]) {
    super();
    this.kind = kind;
    this.members = members;
  }

  override get isImmutable(): boolean {
    return false;
  }

  get typeName(): string {
    return this.kind;
  }

  repr(): string {
    return `${this.kind}(${pyRepr(this.members)})`;
  }

  override items(): PyValue[] {
    return this.members.slice();
  }

  override size(): number {
    return this.members.length;
  }
}
