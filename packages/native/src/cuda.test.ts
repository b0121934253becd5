import { describe, expect, test } from 'vitest';
import { cudaGroupAdvantages, cudaLogprobForward, groupAdvantages, NativeValueError, nativeInfo } from './index.js';
import { logitsRowReference } from './reference/index.js';

const { cuda, devices } = nativeInfo();
if (!cuda.available) console.log(`CUDA kernels on a device: skipped, ${cuda.reason}`);

describe('nativeInfo', () => {
  test('lists the CPU first, and CUDA devices exactly where CUDA is available', () => {
    expect(devices[0]).toMatchObject({ kind: 'cpu', name: expect.stringMatching(/\S/) });
    expect(devices.slice(1).every((device) => device.kind === 'cuda')).toBe(true);
    expect(devices.length > 1).toBe(cuda.available);
    expect(cuda.reason === undefined).toBe(cuda.available);
    if (!cuda.built) expect(cuda.available).toBe(false);
  });
});

describe('arguments are checked before the device is asked for', () => {
  test.each([
    [{ n: 2, v: 3 }, new Float32Array(5), new Int32Array(2), 'expected logits.length to be n * v = 6, received 5'],
    [{ n: 2, v: 3 }, new Float32Array(6), new Int32Array(1), 'expected targets.length to be n = 2, received 1'],
    [{ n: 1, v: 3 }, new Float32Array(3), Int32Array.of(3), 'expected targets in 0..2, received 3 at index 0'],
    [{ n: 1, v: 0 }, new Float32Array(0), new Int32Array(1), 'expected v to be a positive integer, received 0'],
    [
      { n: 1, v: 1, temperature: 0 },
      new Float32Array(1),
      new Int32Array(1),
      'expected temperature to be positive and finite',
    ],
  ])('cudaLogprobForward %j', (options, logits, targets, message) => {
    expect(() => cudaLogprobForward(logits, targets, options)).toThrow(message);
  });

  test('cudaGroupAdvantages names an unusable reward', () => {
    expect(() => cudaGroupAdvantages([Number.NaN], new Int32Array(1), { estimator: 'rloo' })).toThrow('NaN at index 0');
  });
});

describe.skipIf(cuda.available)('without a device', () => {
  test('both functions say why', () => {
    const logprob = () => cudaLogprobForward(new Float32Array(6), new Int32Array(2), { n: 2, v: 3 });
    expect(logprob).toThrow(NativeValueError);
    expect(logprob).toThrow(`expected a CUDA device, received none: ${cuda.reason}`);
    expect(() => cudaGroupAdvantages([1], new Int32Array(1), { estimator: 'rloo' })).toThrow(
      `received none: ${cuda.reason}`,
    );
  });
});

describe.skipIf(!cuda.available)('on a device', () => {
  test('log-probs and entropies agree with float64', () => {
    const [n, v, temperature] = [17, 5003, 0.7];
    const logits = Float32Array.from({ length: n * v }, (_, i) => 30 * Math.sin(i * 12.9898));
    const targets = Int32Array.from({ length: n }, (_, i) => (i * 7919) % v);
    const out = cudaLogprobForward(logits, targets, { n, v, temperature });
    for (let i = 0; i < n; i++) {
      const row = logitsRowReference(logits.subarray(i * v, (i + 1) * v), targets[i]!, temperature);
      // Logits of up to 30 / 0.7 in float32: half an ULP is 2^-19, the product and the subtraction double it each.
      expect(Math.abs(out.logprobs[i]! - row.logprob)).toBeLessThanOrEqual(4 * 2 ** -19);
      expect(Math.abs(out.entropies[i]! - row.entropy)).toBeLessThanOrEqual(4 * 2 ** -19);
      expect(Math.abs(out.lse[i]! - row.lse)).toBeLessThanOrEqual(4 * 2 ** -19);
    }
  });

  test('group advantages are bit-equal to the CPU', () => {
    const rewards = Float64Array.from({ length: 1000 }, (_, i) => Math.sin(i * 78.233));
    const groupIds = Int32Array.from({ length: 1000 }, (_, i) => (i * i) % 131);
    for (const estimator of ['grpo', 'dr_grpo', 'rloo'] as const) {
      expect(cudaGroupAdvantages(rewards, groupIds, { estimator })).toEqual(
        groupAdvantages(rewards, groupIds, { estimator }),
      );
    }
  });
});
