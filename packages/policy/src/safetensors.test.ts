import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseSafetensorsHeader, safetensorsHeaderBytes } from './model-files/safetensors-header.js';
import { readSafetensors, writeSafetensors } from './safetensors.js';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'parl-mt-safetensors-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

function file(header: unknown, dataBytes: number): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

/** The header of a whole file in memory, checked as the reader does. */
function parse(bytes: Uint8Array): void {
  const headerBytes = safetensorsHeaderBytes(bytes.subarray(0, 8), bytes.length, 'test');
  parseSafetensorsHeader(bytes.subarray(8, 8 + headerBytes), bytes.length, 'test');
}

const entry = (fields: object) => ({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 8], ...fields } });

describe('safetensors', () => {
  test('what is written is read again, empty and scalar tensors included, and nothing else is left behind', async () => {
    const path = join(directory, 'tensors.safetensors');
    const tensors = new Map([
      ['matrix', { shape: [2, 3], values: Float32Array.of(1, -2, 3.5, 0, Number.MIN_VALUE, 1e30) }],
      ['empty', { shape: [0, 5], values: new Float32Array(0) }],
      ['scalar', { shape: [], values: Float32Array.of(7) }],
    ]);
    await writeSafetensors(path, tensors, { note: 'ünïcode' });
    expect(await readSafetensors(path)).toEqual({ tensors, metadata: { note: 'ünïcode' } });
    expect(await readdir(directory)).toEqual(['tensors.safetensors']);
  });

  test('bfloat16 is written to the nearest value, ties to even, and NaN stays NaN', async () => {
    const path = join(directory, 'bfloat16.safetensors');
    // 1 + 2^-8 lies midway between 1 and 1 + 2^-7, 1 + 3 * 2^-8 between 1 + 2^-7 and 1 + 2^-6; the largest float rounds up to infinity.
    const values = Float32Array.of(1 + 2 ** -8, 1 + 3 * 2 ** -8, -1 - 2 ** -8 - 2 ** -20, 3.4028234e38, Number.NaN, -0);
    await writeSafetensors(path, new Map([['x', { shape: [6], values }]]), {}, 'bfloat16');
    const { tensors } = await readSafetensors(path);
    const expected = [1, 1 + 2 ** -6, -1 - 2 ** -7, Number.POSITIVE_INFINITY, Number.NaN, -0];
    expect([...tensors.get('x')!.values]).toEqual(expected);
    expect((await readFile(path)).length % 8).toBe(4);
    await rm(path);
  });

  test('half precision is widened', async () => {
    const bytes = file(
      { h: { dtype: 'F16', shape: [3], data_offsets: [0, 6] }, b: { dtype: 'BF16', shape: [1], data_offsets: [6, 8] } },
      8,
    );
    // 1.5, the smallest subnormal, minus infinity; and -2 in bfloat16.
    new Uint8Array(bytes.buffer).set([0x00, 0x3e, 0x01, 0x00, 0x00, 0xfc, 0x00, 0xc0], bytes.length - 8);
    const path = join(directory, 'half.safetensors');
    await writeFile(path, bytes);
    const { tensors } = await readSafetensors(path);
    await rm(path);
    expect([...tensors.get('h')!.values]).toEqual([1.5, 2 ** -24, Number.NEGATIVE_INFINITY]);
    expect([...tensors.get('b')!.values]).toEqual([-2]);
  });

  test.each([
    ['too short', new Uint8Array(3), '3 bytes are too few'],
    ['header beyond the file', file('{}', 0).fill(255, 0, 7), 'header of'],
    ['no JSON', file('{"a"', 0), 'the header is no JSON object'],
    ['an array', file('[]', 0), 'the header is no JSON object'],
    ['unknown type', file(entry({ dtype: 'I64' }), 8), 'a has dtype I64, not F32, F16 or BF16'],
    ['inherited name as type', file(entry({ dtype: 'constructor' }), 8), 'a has dtype constructor'],
    ['negative extent', file(entry({ shape: [-2] }), 8), 'a has no valid shape'],
    ['offsets beyond the data', file(entry({ data_offsets: [4, 12] }), 8), 'a lies at bytes 4 to 12 of 8'],
    ['offsets reversed', file(entry({ data_offsets: [8, 0] }), 8), 'a lies at bytes 8 to 0 of 8'],
    ['shape and bytes differ', file(entry({ shape: [3] }), 8), 'a of shape [3] takes 12 bytes, not 8'],
    ['data left over', file(entry({}), 12), '4 bytes of data belong to no tensor'],
    ['null entry', file({ a: null }, 0), 'a has dtype undefined'],
    ['metadata that is no map', file({ __metadata__: { x: 1 } }, 0), '__metadata__ is no map of strings'],
    [
      'overlap',
      file({ ...entry({}), b: { dtype: 'F32', shape: [1], data_offsets: [4, 8] } }, 8),
      'tensors overlap or leave a gap at byte 4',
    ],
  ])('refuses: %s', (_, bytes, message) => {
    expect(() => parse(bytes)).toThrow(message);
  });

  test('no content crashes it otherwise than by a UsageError', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(16), (header, dataBytes) => {
        try {
          parse(file(header, dataBytes));
        } catch (error) {
          expect((error as { code?: string }).code).toBe('USAGE');
        }
      }),
    );
  });

  test('a file that is not there is named', async () => {
    await expect(readSafetensors(join(directory, 'none'))).rejects.toThrow(join(directory, 'none'));
  });
});
