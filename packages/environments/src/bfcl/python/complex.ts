import { floatText } from './render.js';
import { isNumeric, PyObject, type PyValue } from './value.js';

/** A Python complex number. */
export class PyComplex extends PyObject {
  readonly real: number;
  readonly imaginary: number;

  constructor(real: number, imaginary: number) {
    super();
    this.real = real;
    this.imaginary = imaginary;
  }

  get typeName(): string {
    return 'complex';
  }

  /** `2j` where the real part is +0, else `(1+2j)`; integral parts lose their `.0`. */
  repr(): string {
    if (Object.is(this.real, 0)) return `${partText(this.imaginary)}j`;
    const imaginary = partText(this.imaginary);
    return `(${partText(this.real)}${/^[-+]/.test(imaginary) ? '' : '+'}${imaginary}j)`;
  }

  override isEqual(other: PyValue): boolean {
    if (other instanceof PyComplex) return this.real === other.real && this.imaginary === other.imaginary;
    // biome-ignore lint/suspicious/noDoubleEquals: == compares bigint and number by exact value, as Python does
    return isNumeric(other) && this.imaginary === 0 && this.real == other;
  }
}

function partText(value: number): string {
  return floatText(value).replace(/\.0$/, '');
}
