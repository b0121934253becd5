/**
 * Values of a constant matrix: float32, or the bits of bfloat16 values, which take half the memory. Kernels widen the latter as
 * they read them, which rounds nothing: results have the bits of those with a Float32Array of the same values.
 */
export type WeightValues = Float32Array | Uint16Array;

/**
 * Nearest bfloat16 of each value, ties to even; a NaN stays one.
 * @returns their bits.
 */
export function toBfloat16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < bits.length; i += 1) {
    const word = bits[i]!;
    const isNan = (word & 0x7fffffff) > 0x7f800000;
    halves[i] = isNan ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return halves;
}

/** The float32 values of bfloat16 bits. */
export function fromBfloat16(halves: Uint16Array): Float32Array {
  const values = new Float32Array(halves.length);
  const bits = new Uint32Array(values.buffer);
  for (let i = 0; i < halves.length; i += 1) bits[i] = halves[i]! << 16;
  return values;
}
