import { describe, expect, test } from 'vitest';
import { broadcastToSampled, generalizedAdvantages, policyLoss, ShapeError, whiten } from './index.js';

const rows = { mask: Uint8Array.of(1, 0, 1, 1), offsets: Int32Array.of(0, 3, 4) };
const stale = (): Float32Array => new Float32Array(4).fill(Number.NaN);

describe('arrays of an earlier batch', () => {
  test('are overwritten and returned, with the numbers of new ones', () => {
    const values = Float64Array.of(2, 3);
    const advantages = stale();
    expect(broadcastToSampled(values, rows, advantages)).toBe(advantages);
    expect(advantages).toEqual(broadcastToSampled(values, rows));

    const rewards = Float32Array.of(0, 0, 1, 0.5);
    const critic = Float32Array.of(0.1, 9, 0.2, 0.3);
    const out = { advantages: stale(), returns: stale() };
    const credit = generalizedAdvantages(rewards, critic, rows, {}, out);
    expect([credit.advantages, credit.returns]).toEqual([out.advantages, out.returns]);
    expect(credit.advantages).toBe(out.advantages);
    expect(credit).toEqual(generalizedAdvantages(rewards, critic, rows));

    const whitened = stale();
    expect(whiten(rewards, rows.mask, { out: whitened })).toBe(whitened);
    expect(whitened).toEqual(whiten(rewards, rows.mask));

    const batch = {
      rows,
      logprobs: Float32Array.of(-1, 0, -2, -1),
      oldLogprobs: Float32Array.of(-1.1, 0, -1, -1),
      advantages: Float32Array.of(1, 0, -1, 2),
      rowWeights: Float64Array.of(0.5, 0.25),
    };
    const options = { objective: { kind: 'clip', clipLow: 0.2, clipHigh: 0.2 } } as const;
    const gradient = stale();
    const loss = policyLoss(batch, options, gradient);
    expect(loss.gradient).toBe(gradient);
    expect(loss.gradient).toEqual(policyLoss(batch, options).gradient);
  });

  test('are refused when they are not of the batch', () => {
    const short = new Float32Array(3);
    expect(() => broadcastToSampled(Float64Array.of(2, 3), rows, short)).toThrow(ShapeError);
    expect(() => whiten(stale(), rows.mask, { out: short })).toThrow(ShapeError);
    const zeros = new Float32Array(4);
    expect(() => generalizedAdvantages(zeros, zeros, rows, {}, { advantages: zeros, returns: short })).toThrow(
      ShapeError,
    );
  });
});
