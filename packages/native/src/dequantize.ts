import { callNative } from './call.js';
import { NativeValueError, ShapeError } from './errors.js';

/** A tensor type of a GGUF file that is read here. */
export interface BlockFormat {
  /** Number of the type in a GGUF file. */
  readonly type: number;
  /** Elements of one block; a row of a tensor is a whole number of blocks. */
  readonly elements: number;
  /** Bytes of one block. */
  readonly bytes: number;
}

/** By ggml's names. */
export const blockFormats = {
  F32: { type: 0, elements: 1, bytes: 4 },
  F16: { type: 1, elements: 1, bytes: 2 },
  BF16: { type: 30, elements: 1, bytes: 2 },
  Q4_0: { type: 2, elements: 32, bytes: 18 },
  Q4_1: { type: 3, elements: 32, bytes: 20 },
  Q5_0: { type: 6, elements: 32, bytes: 22 },
  Q5_1: { type: 7, elements: 32, bytes: 24 },
  Q8_0: { type: 8, elements: 32, bytes: 34 },
  Q2_K: { type: 10, elements: 256, bytes: 84 },
  Q3_K: { type: 11, elements: 256, bytes: 110 },
  Q4_K: { type: 12, elements: 256, bytes: 144 },
  Q5_K: { type: 13, elements: 256, bytes: 176 },
  Q6_K: { type: 14, elements: 256, bytes: 210 },
  IQ4_NL: { type: 20, elements: 32, bytes: 18 },
  IQ4_XS: { type: 23, elements: 256, bytes: 136 },
  TQ1_0: { type: 34, elements: 256, bytes: 54 },
  TQ2_0: { type: 35, elements: 256, bytes: 66 },
  MXFP4: { type: 39, elements: 32, bytes: 17 },
} as const satisfies Record<string, BlockFormat>;

export type BlockTypeName = keyof typeof blockFormats;

/**
 * Widens or dequantises blocks of a GGUF tensor, or half-precision values of a safetensors file, to float32. Bits are those of
 * the `gguf` Python package: every value is computed in float32, in the order written there, on every instruction set.
 *
 * @param blocks - whole blocks, any alignment.
 * @param out - `elements` values a block, overwritten.
 * @throws {NativeValueError} for a type that is not in `blockFormats`.
 * @throws {ShapeError} if `blocks` is no whole number of blocks, or `out` has another length.
 */
export function dequantize(type: BlockTypeName, blocks: Uint8Array, out: Float32Array): void {
  const format = Object.hasOwn(blockFormats, type) ? blockFormats[type] : undefined;
  if (format === undefined) {
    throw new NativeValueError(`expected a type of ${Object.keys(blockFormats).join(', ')}, received ${String(type)}`);
  }
  if (blocks.length % format.bytes !== 0) {
    throw new ShapeError(`expected blocks of ${format.bytes} bytes for ${type}, received ${blocks.length} bytes`);
  }
  callNative('dequantize', format.type, blocks, out);
}
