import type { BlockTypeName } from '../dequantize.js';

const { fround } = Math;

/**
 * Element `i` of the block at byte `at`, rounded to float32 after every operation; each formula follows the array expressions
 * of quants.py in the `gguf` Python package 0.19.0.
 */
export function dequantizeReference(type: BlockTypeName, blocks: Uint8Array, at: number, i: number): number {
  const byte = (offset: number): number => blocks[at + offset]!;
  const half = (offset: number): number => halfReference(byte(offset) | (byte(offset + 1) << 8));
  const nibble = (offset: number, index: number, width: number): number =>
    (byte(offset + (index % width)) >> (4 * Math.floor(index / width))) & 15;
  /** Bits 2s and 2s + 1 of byte j of group g of 32, for index 128 g + 32 s + j. */
  const pair = (offset: number): number => (byte(offset + 32 * (i >> 7) + (i & 31)) >> (2 * ((i >> 5) & 3))) & 3;
  const bit = (offset: number): number => (byte(offset + (i & 31)) >> (i >> 5)) & 1;
  const bitOf32 = (offset: number): number => (byte(offset + (i >> 3)) >> (i & 7)) & 1;
  const times = (a: number, b: number): number => fround(a * b);

  switch (type) {
    case 'F32':
      return new DataView(blocks.buffer, blocks.byteOffset).getFloat32(at, true);
    case 'F16':
      return half(0);
    case 'BF16': {
      const view = new DataView(new ArrayBuffer(4));
      view.setUint16(0, (byte(1) << 8) | byte(0));
      return view.getFloat32(0);
    }
    case 'Q4_0':
      return times(half(0), nibble(2, i, 16) - 8);
    case 'Q4_1':
      return fround(times(half(0), nibble(4, i, 16)) + half(2));
    case 'Q5_0':
      return times(half(0), nibble(6, i, 16) + 16 * bitOf32(2) - 16);
    case 'Q5_1':
      return fround(times(half(0), nibble(8, i, 16) + 16 * bitOf32(4)) + half(2));
    case 'Q8_0':
      return times(half(0), signed(byte(2 + i)));
    case 'Q2_K': {
      const scales = byte(i >> 4);
      return fround(times(times(half(80), scales & 15), pair(16)) - times(half(82), scales >> 4));
    }
    case 'Q3_K': {
      const sub = i >> 4;
      const low = (byte(96 + (sub & 7)) >> (4 * (sub >> 3))) & 15;
      const high = (byte(104 + (sub & 3)) >> (2 * (sub >> 2))) & 3;
      return times(times(half(108), low + 16 * high - 32), pair(32) - (bit(0) === 1 ? 0 : 4));
    }
    case 'Q4_K':
    case 'Q5_K': {
      const [scale, minimum] = scaleAndMinimum(byte, i >> 5);
      const quants = type === 'Q4_K' ? 16 : 48;
      const low = (byte(quants + 32 * (i >> 6) + (i & 31)) >> (4 * ((i >> 5) & 1))) & 15;
      const q = type === 'Q4_K' ? low : low + 16 * bit(16);
      return fround(times(times(half(0), scale), q) - times(half(2), minimum));
    }
    case 'Q6_K': {
      const low = (byte(64 * (i >> 7) + (i & 63)) >> (4 * ((i >> 6) & 1))) & 15;
      return times(times(half(208), signed(byte(192 + (i >> 4)))), low + 16 * pair(128) - 32);
    }
    case 'IQ4_NL':
      return times(half(0), NON_LINEAR[nibble(2, i, 16)]!);
    case 'IQ4_XS': {
      const sub = i >> 5;
      const low = (byte(4 + (sub >> 1)) >> (4 * (sub & 1))) & 15;
      const high = ((byte(2) | (byte(3) << 8)) >> (2 * sub)) & 3;
      return times(times(half(0), low + 16 * high - 32), NON_LINEAR[nibble(8 + 16 * sub, i & 31, 16)]!);
    }
    case 'TQ1_0': {
      const [offset, index, width] = i < 160 ? [0, i, 32] : i < 240 ? [32, i - 160, 16] : [48, i - 240, 4];
      const shifted = (byte(offset + (index % width)) * 3 ** Math.floor(index / width)) % 256;
      return times(half(52), Math.floor((shifted * 3) / 256) - 1);
    }
    case 'TQ2_0':
      return times(half(64), pair(0) - 1);
    case 'MXFP4':
      // The table is doubled, so the scale is half of 2^(e - 127).
      return times(2 ** (byte(0) - 128), E2M1_DOUBLED[nibble(1, i, 16)]!);
  }
}

/** IEEE binary16. */
export function halfReference(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const NON_LINEAR = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];
const E2M1_DOUBLED = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

function signed(byte: number): number {
  return byte < 128 ? byte : byte - 256;
}

/** Six bits each of eight sub-blocks, in the 12 bytes from byte 4 of the block. */
function scaleAndMinimum(byte: (offset: number) => number, sub: number): [number, number] {
  if (sub < 4) return [byte(4 + sub) & 63, byte(8 + sub) & 63];
  const shared = byte(8 + sub);
  return [(shared & 15) | ((byte(sub) >> 6) << 4), (shared >> 4) | ((byte(4 + sub) >> 6) << 4)];
}
