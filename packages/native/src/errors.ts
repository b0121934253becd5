/** Arguments of a native function do not fit each other: wrong length, index out of range. */
export class ShapeError extends Error {
  readonly code = 'SHAPE';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ShapeError';
  }
}

/** A value is outside what a native function is defined on: NaN reward, negative temperature, unknown ISA. */
export class NativeValueError extends Error {
  readonly code = 'NATIVE_VALUE';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'NativeValueError';
  }
}
